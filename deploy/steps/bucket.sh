# shellcheck shell=bash
# Delivers new objects of a bucket to Drive.

# Cloud Storage's service agent of this project publishes the notifications.
storage_agent() {
  if [ -n "$dry_run" ]; then
    printf 'service-%s@gs-project-accounts.iam.gserviceaccount.com' "$number"
  else
    answer gcloud storage service-agent --project="$project"
  fi
}

notify_topic() {
  local existing agent
  agent=$(storage_agent) || exit
  bind "serviceAccount:$agent" roles/pubsub.publisher pubsub topics -- "$exports" --project="$project"
  # Each line is an object with the keys "Bucket URL" and "Notification Configuration"; a bare "topic" is always empty.
  existing=$(answer gcloud storage buckets notifications list "gs://$bucket" --project="$project" --format='value("Notification Configuration".topic)') || exit
  [[ $'\n'$existing$'\n' != *"/topics/$exports"$'\n'* ]] || return 0
  change gcloud storage buckets notifications create "gs://$bucket" --topic="projects/$project/topics/$exports" --event-types=OBJECT_FINALIZE --payload-format=json --project="$project" --quiet
}

# https://cloud.google.com/eventarc/standard/docs/run/create-trigger-storage-gcloud
trigger_by_objects() {
  local agent
  agent=$(storage_agent) || exit
  bind_on_project "serviceAccount:$agent" roles/pubsub.publisher
  bind_on_project "serviceAccount:$pusher" roles/eventarc.eventReceiver
  trigger "$name-objects" --event-filters=type=google.cloud.storage.object.v1.finalized --event-filters="bucket=$bucket"
}

watch_bucket() {
  read_bucket "$bucket"
  if [ "$queue" = eventarc ]; then trigger_by_objects; else notify_topic; fi
}
