# shellcheck shell=bash
# The topic for deliveries, and the dead-letter topic for messages that can never be delivered.

create_topic() {
  local found
  found=$(answer gcloud pubsub topics describe "$1" --project="$project" --format='value(name)') || exit
  [ -z "$found" ] || return 0
  change gcloud pubsub topics create "$1" --project="$project" --quiet
}

subscription() {
  answer gcloud pubsub subscriptions describe "$1" --project="$project" --format="value($2)"
}

# Without a subscription a topic does not keep messages. The ack deadline of ten minutes leaves time to publish dead letters
# again, and 31 days, the maximum of Pub/Sub, to find out what was wrong.
keep_failed() {
  local keeps
  keeps=$(subscription "$failed" messageRetentionDuration) || exit
  if [ -z "$keeps" ]; then
    change gcloud pubsub subscriptions create "$failed" --topic="$failed" --ack-deadline=600 --expiration-period=never --message-retention-duration=31d --project="$project" --quiet
  elif [ "$keeps" != 2678400s ]; then
    change gcloud pubsub subscriptions update "$failed" --message-retention-duration=31d --project="$project" --quiet
  fi
}

create_topics() {
  [ -z "$receipts" ] || create_topic "$receipt_topic"
  [ "$queue" != none ] || return 0
  create_topic "$exports"
  create_topic "$failed"
  keep_failed
  bind "serviceAccount:$runtime" roles/pubsub.publisher pubsub topics -- "$failed" --project="$project"
  # A message about a prefix becomes one message for each object. A push names its topic in the configuration, an event in itself.
  if [ "$queue" = eventarc ] && needs bucket; then publish_to "projects/$project/topics/$exports"; fi
}

# Pub/Sub's service agent of this project.
pubsub_agent() { printf 'serviceAccount:service-%s@gcp-sa-pubsub.iam.gserviceaccount.com' "$number"; }

# It issues the tokens of pushes. In projects from before 2021-04-08 it lacks that role, and every push would be rejected:
# https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions#configure_for_push_authentication
allow_push_tokens() {
  bind "$(pubsub_agent)" roles/iam.serviceAccountTokenCreator iam service-accounts -- "$pusher" --project="$project"
}

# It also forwards messages to the dead-letter topic: https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions
allow_dead_letters() {
  local agent
  agent=$(pubsub_agent)
  bind "$agent" roles/pubsub.publisher pubsub topics -- "$failed" --project="$project"
  bind "$agent" roles/pubsub.subscriber pubsub subscriptions -- "$exports" --project="$project"
}

subscribe_with_push() {
  local endpoint existing
  endpoint=$(url_of "$name")/v1/pubsub
  local push=(--push-endpoint="$endpoint" --push-auth-service-account="$pusher" --push-auth-token-audience="$(url_of "$name")")
  allow_push_tokens
  allow_caller "serviceAccount:$pusher"
  existing=$(subscription "$exports" pushConfig.pushEndpoint) || exit
  if [ -z "$existing" ]; then
    change gcloud pubsub subscriptions create "$exports" --topic="$exports" "${push[@]}" \
      --ack-deadline=600 --min-retry-delay=10s --max-retry-delay=600s --expiration-period=never --message-retention-duration=7d \
      --dead-letter-topic="$failed" --max-delivery-attempts=20 --project="$project" --quiet
  elif [ "$existing" != "$endpoint" ]; then
    change gcloud pubsub subscriptions modify-push-config "$exports" "${push[@]}" --project="$project" --quiet
  fi
  allow_dead_letters
}

deploy_events() {
  allow_push_tokens
  # Eventarc calls from inside Google Cloud, so no other ingress is needed.
  deploy "$name-events" internal --function=courierEvent --timeout=540
  allow_caller "serviceAccount:$pusher" "$name-events"
}

# trigger NAME FLAG...
trigger() {
  local found trigger=$1
  shift
  found=$(answer gcloud eventarc triggers describe "$trigger" --location="$region" --project="$project" --format='value(name)') || exit
  [ -z "$found" ] || return 0
  change gcloud eventarc triggers create "$trigger" --location="$region" \
    --destination-run-service="$name-events" --destination-run-region="$region" --service-account="$pusher" "$@" --project="$project" --quiet
}

trigger_with_eventarc() {
  trigger "$exports" --event-filters=type=google.cloud.pubsub.topic.v1.messagePublished --transport-topic="projects/$project/topics/$exports"
}
