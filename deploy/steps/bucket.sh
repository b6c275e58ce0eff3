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
  local standing agent
  agent=$(storage_agent) || exit
  bind "serviceAccount:$agent" roles/pubsub.publisher pubsub topics -- "$exports" --project="$project"
  # Each line is an object with the keys "Bucket URL" and "Notification Configuration"; a bare "topic" is always empty.
  standing=$(answer gcloud storage buckets notifications list "gs://$bucket" --project="$project" --format='value("Notification Configuration".topic)') || exit
  [[ $'\n'$standing$'\n' != *"/topics/$exports"$'\n'* ]] || return 0
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

# read_bucket NAME: grants the courier's own account read access.
read_bucket() {
  local found
  found=$(answer gcloud storage buckets describe "gs://$1" --project="$project" --format='value(name)') || exit
  [ -n "$dry_run" ] || [ -n "$found" ] || stop 69 "$account cannot find the bucket gs://$1."
  bind "serviceAccount:$runtime" roles/storage.objectViewer storage buckets -- "gs://$1" --project="$project"
}

# The configuration lists which objects of these buckets may be delivered.
read_sources() {
  local each seen=" $bucket "
  for each in ${sources[@]+"${sources[@]}"}; do
    each=${each#gs://} && each=${each%%/*}
    case $seen in *" $each "*) ;; *) read_bucket "$each" && seen="$seen$each " ;; esac
  done
}

watch_bucket() {
  read_bucket "$bucket"
  if [ "$queue" = eventarc ]; then trigger_by_objects; else notify_topic; fi
}
