# shellcheck shell=bash
# Sends the traffic to an earlier revision. The configuration is part of a revision, so it is rolled back too.

# previous_of SERVING: reads lines "REVISION<tab>READY", newest first, and prints the newest ready one that is older than SERVING.
previous_of() {
  local serving=$1 revision ready past=''
  while IFS=$'\t' read -r revision ready; do
    if [ -n "$past" ] && [ "$ready" = True ]; then
      printf '%s' "$revision"
      return 0
    fi
    [ "$revision" != "$serving" ] || past=yes
  done
}

# roll_back_service SERVICE [REVISION]
roll_back_service() {
  local service=$1 target=${2:-} serving revisions
  serving=$(describe_service "$service" 'status.traffic[0].revisionName') || exit
  revisions=$(answer gcloud run revisions list --service="$service" --region="$region" --project="$project" \
    --sort-by=~metadata.creationTimestamp --format='value(metadata.name,status.conditions[0].status)') || exit
  if [ -n "$dry_run" ]; then
    target=${target:-PREVIOUS_REVISION}
  elif [ -z "$target" ]; then
    target=$(previous_of "$serving" <<<"$revisions")
    [ -n "$target" ] || stop 69 "$service has no earlier revision that was ready. The current one is $serving."
  elif [[ $'\n'$revisions$'\n' != *$'\n'"$target"$'\t'* ]]; then
    stop 69 "$service has no revision $target. It has: $(cut -f 1 <<<"$revisions" | tr '\n' ' ')"
  fi
  if [ "$target" = "$serving" ]; then
    say "$service already serves $target."
    return 0
  fi
  change gcloud run services update-traffic "$service" --to-revisions="$target=100" --region="$region" --project="$project" --quiet
  say "$service serves $target${serving:+ instead of $serving}. It keeps serving this revision until you deploy something new, or run deploy.sh with --redeploy."
}

roll_back() {
  local existing
  check_project
  case $to in
    "$name-events-"*) roll_back_service "$name-events" "$to" ;;
    ?*) roll_back_service "$name" "$to" ;;
    '')
      existing=$(describe_service "$name" metadata.name) || exit
      [ -n "$dry_run" ] || [ -n "$existing" ] || stop 69 "the region $region has no service $name."
      roll_back_service "$name"
      # They are deployed together, so they are rolled back together.
      existing=$(describe_service "$name-events" metadata.name) || exit
      [ -z "$existing" ] || roll_back_service "$name-events"
      ;;
  esac
}
