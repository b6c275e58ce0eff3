# shellcheck shell=bash
# Deploys the courier from dist/. Cloud Run rejects requests from anybody who is not a caller.

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

# Every object of the bucket may be delivered, and nothing else that the courier can read.
pushed_sources() {
  if [ -n "$bucket" ]; then json_list "gs://$bucket/"; else json_list; fi
}

pubsub_part() {
  [ "$queue" != none ] || return 0
  printf ',"pubsub":{"deadLetterTopic":"projects/%s/topics/%s",' "$project" "$failed"
  if [ "$queue" = eventarc ]; then
    printf '"eventDestinations":["default"],"eventSources":%s}' "$(pushed_sources)"
  else
    printf '"subscriptions":{"projects/%s/subscriptions/%s":{"serviceAccount":"%s","destinations":["default"],"topic":"projects/%s/topics/%s","sources":%s}}}' \
      "$project" "$exports" "$pusher" "$project" "$exports" "$(pushed_sources)"
  fi
}

# gcloud's client id, which is the audience of the tokens that gcloud issues to people.
GCLOUD_AUDIENCE=32555940559.apps.googleusercontent.com

audiences() {
  local each=("$(url_of "$name")")
  [ -z "$gcloud_user_tokens" ] || each+=("$GCLOUD_AUDIENCE")
  json_list "${each[@]}"
}

# cloud-run-iam: Cloud Run checks every caller (see deploy), and may pass on tokens without their signature.
configuration() {
  if [ -n "$config" ]; then
    cat "$config"
    return
  fi
  printf '{"audiences":%s,"identity":"cloud-run-iam","operators":%s,' "$(audiences)" "$(json_list "${operators[@]}")"
  printf '"destinations":{"default":{"folder":"%s","credentials":"drive","callers":%s,"sources":%s}},' \
    "$folder" "$(json_list "${callers[@]}")" "$(json_list ${sources[@]+"${sources[@]}"})"
  printf '"credentials":{"drive":%s},' "$(drive_right)"
  printf '"ledger":{"firestore":{"project":"%s","database":"%s","collection":"%s"}}' "$project" "$database" "$collection"
  printf ',"limits":{"concurrentUploads":%s}' "$concurrency"
  pubsub_part
  [ -z "$receipts" ] || printf ',"receiptTopic":"projects/%s/topics/%s"' "$project" "$receipt_topic"
  printf '}\n'
}

# YAML for --env-vars-file, without secrets. The build writes the commit into dist/ if it finds git. COURIER_COMMIT in the
# environment of this script overrides it.
environment_file() {
  printf 'GOOGLE_CLOUD_PROJECT: %s\n' "$project"
  [ -z "${COURIER_COMMIT:-}" ] || printf 'COURIER_COMMIT: "%s"\n' "$COURIER_COMMIT"
  printf 'COURIER_CONFIG: |\n'
  configuration | sed 's/^/  /'
}

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# A digest of the deployed files and flags: if it is unchanged, no new revision is needed.
deployed_digest() {
  {
    printf '%s\n' "$@"
    environment_file
    (cd "$dist" && find . -type f -not -path './node_modules/*' -not -path './.compile-cache/*' | LC_ALL=C sort | while read -r file; do
      printf '%s ' "$file" && sha256 <"$file"
    done)
  } | sha256 | cut -c 1-40
}

# Google's buildpack starts a service by "npm run start", where npm is a process of its own that costs time and memory at each
# start. GOOGLE_ENTRYPOINT overrides that. A Procfile would too, but it would also replace the start command of a function.
entry_point() {
  local command=''
  [ -n "$dry_run" ] || command=$(sed -n 's/^ *"start": "\(exec node [^"]*\)",*$/\1/p' "$dist/package.json")
  [ -n "$command" ] || [ -n "$dry_run" ] || stop 69 'dist/package.json has no start command. Run "npm run build" again.'
  printf '%s' "${command:-exec node server.js}"
}

# A probe on /v1/ready waits as long as that route waits for Google, which is 25 seconds. The period must not be shorter than
# the timeout, and all attempts together may take 240 seconds: https://cloud.google.com/run/docs/configuring/healthchecks
startup_probe() {
  if [ -n "$ready_probe" ]; then
    printf 'httpGet.path=/v1/ready,httpGet.port=8080,periodSeconds=30,timeoutSeconds=30,failureThreshold=8'
  else
    printf 'tcpSocket.port=8080,periodSeconds=1,timeoutSeconds=1,failureThreshold=60'
  fi
}

describe_service() {
  answer gcloud run services describe "$1" --region="$region" --project="$project" --format="value($2)"
}

# deploy NAME INGRESS FLAG...
deploy() {
  local service=$1 ingress_of=$2 digest=dry-run existing pinned file size_flags
  shift 2
  size_flags_for "$ingress_of"
  local flags=(--region="$region" --service-account="$runtime" --base-image=nodejs24 --automatic-updates
    --build-service-account="projects/$project/serviceAccounts/$builder"
    --no-allow-unauthenticated --invoker-iam-check "${size_flags[@]}" "$@" --project="$project")
  if [ -z "$dry_run" ]; then digest=$(deployed_digest "$service" "$labels" "${flags[@]}"); fi
  existing=$(describe_service "$service" metadata.labels.courier-digest) || exit
  pinned=$(describe_service "$service" 'spec.traffic[0].revisionName') || exit
  if [ "$existing" = "$digest" ] && [ -z "$redeploy" ]; then
    [ -z "$pinned" ] || say "Note: $service was rolled back to $pinned and does not serve its newest revision. To serve the newest one, use --redeploy"
    return 0
  fi
  if [ -n "$dry_run" ]; then
    file=$service.env.yaml
    printf "cat > %s <<'END'\n%s\nEND\n" "$file" "$(environment_file)"
  else
    file=$scratch/$service.env.yaml
    environment_file >"$file"
  fi
  change gcloud run deploy "$service" --source="$([ -n "$dry_run" ] && echo dist || echo "$dist")" --env-vars-file="$file" "${flags[@]}" --labels="courier-digest=$digest${labels:+,$labels}" --quiet
  # After a rollback, a new revision would otherwise get no traffic.
  [ -z "$pinned" ] || change gcloud run services update-traffic "$service" --to-latest --region="$region" --project="$project" --quiet
}

deploy_service() {
  local entry
  if [ "$form" = function ]; then
    deploy "$name" "$ingress" --function=courier --timeout=600 --startup-probe="$(startup_probe)"
  else
    entry=$(entry_point) || exit
    # End-to-end HTTP/2 allows requests of any size.
    deploy "$name" "$ingress" --use-http2 --timeout=3600 --startup-probe="$(startup_probe)" --set-build-env-vars="GOOGLE_ENTRYPOINT=$entry"
  fi
}

member_of() {
  if is_service_account "$1"; then printf 'serviceAccount:%s' "$1"; else printf 'user:%s' "$1"; fi
}

allow_caller() { bind "$1" roles/run.invoker run services -- "${2:-$name}" --region="$region" --project="$project"; }

allow_callers() {
  local each
  for each in "${everybody[@]}"; do allow_caller "$(member_of "$each")"; done
}

tell_how_to_send() {
  local url operator_of=${operators[0]}
  url=$(url_of "$name")
  if [ -z "$sends_as" ]; then
    say "Then send a file:        npx courier send FILE --url $url"
    say "And check the set-up:    npx courier doctor --url $url"
    return 0
  fi
  say "Then send a file:        npx courier send FILE --url $url --impersonate $sends_as"
  if is_service_account "$operator_of"; then
    say "And check the set-up:    npx courier doctor --url $url --impersonate $operator_of"
  else
    say "And check the set-up:    npx courier doctor --url $url"
  fi
  [ ${#senders[@]} -gt 0 ] ||
    say "To run both on a laptop, you need permission to impersonate that account. Run this command again with --sender user:${account:-YOUR_EMAIL}"
}

tell_what_is_left() {
  say ''
  say "The courier's URL:       $(url_of "$name")"
  say "Remaining manual step:   in Drive, share the folder with ${subject:-$writer} as Content manager (in My Drive: as Editor). For the top folder of a shared drive, add it as a member of the drive."
  tell_how_to_send
  [ -n "$ready_probe" ] || say 'After you have shared the folder, run this command again with --ready-probe. Then a revision that cannot deliver gets no traffic.'
  say "To get alerts when deliveries fail: deploy/monitoring/apply.sh $project NOTIFICATION_CHANNEL"
}
