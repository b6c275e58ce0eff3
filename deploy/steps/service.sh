# shellcheck shell=bash
# The courier itself, from dist/. Whoever is not a caller does not get past the platform's own check of identity.

json_list() {
  local text='' each
  for each in "$@"; do text="$text${text:+,}\"$each\""; done
  printf '[%s]' "$text"
}

drive_right() {
  local to_act_for=''
  [ -z "$subject" ] || to_act_for=",\"subject\":\"$subject\""
  if [ "$right" = key ]; then
    printf '{"secret":"projects/%s/secrets/%s/versions/latest"%s}' "$project" "$secret" "$to_act_for"
  else
    printf '{"impersonate":"%s"%s}' "$writer" "$to_act_for"
  fi
}

# Whatever the bucket tells of may be delivered, and nothing else that the courier can read.
pushed_sources() {
  if [ -n "$bucket" ]; then json_list "gs://$bucket/"; else json_list; fi
}

pubsub_part() {
  [ "$queue" != none ] || return 0
  printf ',"pubsub":{"deadLetterTopic":"projects/%s/topics/%s",' "$project" "$failed"
  if [ "$queue" = eventarc ]; then
    printf '"eventDestinations":["default"],"eventSources":%s}' "$(pushed_sources)"
  else
    printf '"subscriptions":{"projects/%s/subscriptions/%s":{"serviceAccount":"%s","destinations":["default"],"sources":%s}}}' "$project" "$exports" "$pusher" "$(pushed_sources)"
  fi
}

# cloud-run-iam: the platform checks every caller (see deploy), and may hand tokens on without their signature.
configuration() {
  if [ -n "$config" ]; then
    cat "$config"
    return
  fi
  printf '{"audiences":["%s"],"identity":"cloud-run-iam","operators":%s,' "$(url_of "$name")" "$(json_list ${operators[@]+"${operators[@]}"})"
  printf '"destinations":{"default":{"folder":"%s","credentials":"drive","callers":%s,"sources":%s}},' \
    "$folder" "$(json_list "${callers[@]}")" "$(json_list ${sources[@]+"${sources[@]}"})"
  printf '"credentials":{"drive":%s},' "$(drive_right)"
  printf '"ledger":{"firestore":{"project":"%s","database":"%s","collection":"%s"}}' "$project" "$database" "$collection"
  pubsub_part
  printf '}\n'
}

# YAML as --env-vars-file reads it; no secret is in it.
environment_file() {
  printf 'GOOGLE_CLOUD_PROJECT: %s\nCOURIER_CONFIG: |\n' "$project"
  configuration | sed 's/^/  /'
}

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# What was deployed, in 40 digits: the same files and flags need no new revision.
deployed_digest() {
  {
    printf '%s\n' "$@"
    environment_file
    (cd "$dist" && find . -type f -not -path './node_modules/*' -not -path './.compile-cache/*' | LC_ALL=C sort | while read -r file; do
      printf '%s ' "$file" && sha256 <"$file"
    done)
  } | sha256 | cut -c 1-40
}

# deploy NAME FLAG...
deploy() {
  local service=$1 digest=dry-run standing file
  shift
  local flags=(--region="$region" --service-account="$runtime" --base-image=nodejs24
    --build-service-account="projects/$project/serviceAccounts/$builder"
    --no-allow-unauthenticated --invoker-iam-check --memory=1Gi --cpu=1 --cpu-boost --concurrency=80 --max-instances=20 "$@" --project="$project")
  if [ -z "$dry_run" ]; then digest=$(deployed_digest "$service" "${flags[@]}"); fi
  standing=$(answer gcloud run services describe "$service" --region="$region" --project="$project" --format='value(metadata.labels.courier-digest)') || exit
  [ "$standing" != "$digest" ] || return 0
  if [ -n "$dry_run" ]; then
    file=$service.env.yaml
    printf "cat > %s <<'END'\n%s\nEND\n" "$file" "$(environment_file)"
  else
    file=$scratch/$service.env.yaml
    environment_file >"$file"
  fi
  change_patiently gcloud run deploy "$service" --source="$([ -n "$dry_run" ] && echo dist || echo "$dist")" --env-vars-file="$file" "${flags[@]}" --labels="courier-digest=$digest" --quiet
}

deploy_service() {
  if [ "$form" = function ]; then
    deploy "$name" --function=courier --timeout=600
  else
    # End to end HTTP/2: requests of any size.
    deploy "$name" --use-http2 --timeout=3600
  fi
}

member_of() {
  case $1 in
    *.gserviceaccount.com) printf 'serviceAccount:%s' "$1" ;;
    *) printf 'user:%s' "$1" ;;
  esac
}

allow_caller() { bind "$1" roles/run.invoker run services -- "${2:-$name}" --region="$region" --project="$project"; }

allow_callers() {
  local each
  for each in "${callers[@]}" ${operators[@]+"${operators[@]}"}; do allow_caller "$(member_of "$each")"; done
}

tell_what_is_left() {
  say ''
  say "The courier answers at $(url_of "$name")"
  say "Left to do by hand: in Drive, share the folder with ${subject:-$writer} as Content manager (a folder of a shared drive), or as Editor."
  say "Then send a file: npx courier send FILE --url $(url_of "$name")"
  say "To be told when deliveries fail: deploy/monitoring/apply.sh $project NOTIFICATION_CHANNEL (gcloud beta monitoring channels list names yours)"
}
