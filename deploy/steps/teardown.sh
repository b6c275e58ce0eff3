# shellcheck shell=bash
# Removes everything that was created under this name, in reverse order. The ledger's database stays, because other programs
# may use it.

# remove DESCRIBE... -- DELETE...: deletes a resource if it exists.
remove() {
  local describe=() found
  while [ "$1" != -- ]; do describe+=("$1") && shift; done
  shift
  found=$(answer "${describe[@]}" --project="$project" --format='value(name)') || exit
  [ -n "$dry_run" ] || [ -n "$found" ] || return 0
  change "$@" --project="$project" --quiet
}

remove_service() {
  remove gcloud run services describe "$1" --region="$region" -- gcloud run services delete "$1" --region="$region"
}

remove_trigger() {
  remove gcloud eventarc triggers describe "$1" --location="$region" -- gcloud eventarc triggers delete "$1" --location="$region"
}

# Roles of a deleted account would otherwise stay in the project's policy.
unbind_on_project() {
  local member=serviceAccount:$1 role=$2 held
  held=$(answer gcloud projects get-iam-policy "$project" "${AS_LINES[@]}") || exit
  [ -n "$dry_run" ] || holds "$held" "$role" "$member" || return 0
  change gcloud projects remove-iam-policy-binding "$project" --member="$member" --role="$role" --all --quiet
}

remove_account() {
  [ -n "$dry_run" ] || account_exists "$1" || return 0
  change gcloud iam service-accounts delete "$1" --project="$project" --quiet
}

remove_sink() {
  local writes_as
  writes_as=$(answer gcloud logging sinks describe "$sink" --project="$project" --format='value(writerIdentity)') || exit
  [ -n "$writes_as" ] || return 0
  unbind_on_project "${writes_as#serviceAccount:}" roles/bigquery.dataEditor
  change gcloud logging sinks delete "$sink" --project="$project" --quiet
}

confirm() {
  local typed
  [ -z "$yes$dry_run" ] || return 0
  [ -t 0 ] || misused 'teardown deletes resources. Without a terminal to confirm on, pass --yes.'
  read -r -p "Take down $name in project $project? Type the project's id: " typed
  [ "$typed" = "$project" ] || stop 1 'nothing was deleted.'
}

take_down() {
  local each enabled
  check_project
  confirm
  # If an API was never enabled, it has no resources, and the describe command would fail.
  enabled=$(answer gcloud services list --enabled --project="$project" --format='value(config.name)') || exit
  is_on() { [ -n "$dry_run" ] || [[ $'\n'$enabled$'\n' == *$'\n'"$1.googleapis.com"$'\n'* ]]; }

  if is_on eventarc; then
    for each in "$name-objects" "$exports"; do remove_trigger "$each"; done
  fi
  if is_on pubsub; then
    for each in "$exports" "$failed"; do
      remove gcloud pubsub subscriptions describe "$each" -- gcloud pubsub subscriptions delete "$each"
      remove gcloud pubsub topics describe "$each" -- gcloud pubsub topics delete "$each"
    done
    remove gcloud pubsub topics describe "$receipt_topic" -- gcloud pubsub topics delete "$receipt_topic"
  fi
  if is_on run; then
    remove_service "$name-events"
    remove_service "$name"
  fi
  if is_on secretmanager; then
    remove gcloud secrets describe "$secret" -- gcloud secrets delete "$secret"
  fi
  if is_on logging; then remove_sink; fi
  unbind_on_project "$runtime" roles/datastore.user
  unbind_on_project "$runtime" roles/bigquery.jobUser
  unbind_on_project "$runtime" roles/bigquery.dataViewer
  unbind_on_project "$builder" roles/run.builder
  unbind_on_project "$pusher" roles/eventarc.eventReceiver
  for each in "$pusher" "$builder" "$writer" "$runtime"; do remove_account "$each"; done
  say "Kept: the Firestore database $database and its collection \"$collection\", the APIs, buckets and their notifications, roles in other projects, the accounts of callers, and the resources that monitoring/apply.sh has created. The folder in Drive is unchanged."
}
