locals {
  pubsub_agent = one(google_project_service_identity.pubsub[*].member)
  pushes       = var.push && var.events_image == null
  week         = "604800s"
  # The maximum of Pub/Sub, to leave time to find out what was wrong.
  month        = "2678400s"
  max_attempts = 20
}

resource "google_pubsub_topic" "exports" {
  count = var.push ? 1 : 0

  project = var.project
  name    = "${var.name}-exports"

  depends_on = [google_project_service.api]
}

# The dead-letter topic for messages that can never be delivered.
resource "google_pubsub_topic" "failed" {
  count = var.push ? 1 : 0

  project = var.project
  name    = "${var.name}-failed"

  depends_on = [google_project_service.api]
}

# Without a subscription, a topic does not keep messages. The ack deadline of ten minutes leaves time to publish dead letters
# again.
resource "google_pubsub_subscription" "failed" {
  count = var.push ? 1 : 0

  project                    = var.project
  name                       = "${var.name}-failed"
  topic                      = google_pubsub_topic.failed[0].id
  ack_deadline_seconds       = 600
  message_retention_duration = local.month

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "exports" {
  count = local.pushes ? 1 : 0

  project                    = var.project
  name                       = "${var.name}-exports"
  topic                      = google_pubsub_topic.exports[0].id
  ack_deadline_seconds       = 600
  message_retention_duration = local.week

  push_config {
    push_endpoint = "${local.url}/v1/pubsub"

    oidc_token {
      service_account_email = google_service_account.pusher[0].email
      audience              = local.url
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.failed[0].id
    max_delivery_attempts = local.max_attempts
  }

  expiration_policy {
    ttl = ""
  }

  depends_on = [google_service_account_iam_member.push_tokens]
}

resource "google_pubsub_topic_iam_member" "runtime_fails" {
  count = var.push ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.failed[0].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member
}

# Pub/Sub's service agent of this project issues the tokens of pushes. In projects from before 2021-04-08 it lacks that role.
resource "google_service_account_iam_member" "push_tokens" {
  count = var.push ? 1 : 0

  service_account_id = google_service_account.pusher[0].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}

# It also forwards messages to the dead-letter topic.
resource "google_pubsub_topic_iam_member" "agent_fails" {
  count = local.pushes ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.failed[0].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_takes" {
  count = local.pushes ? 1 : 0

  project      = var.project
  subscription = google_pubsub_subscription.exports[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
