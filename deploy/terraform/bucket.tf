# Delivers new objects of a bucket to Drive. Cloud Storage publishes notifications to the topic.

locals {
  watched = var.bucket != null && var.push ? 1 : 0
}

data "google_storage_project_service_account" "agent" {
  count = local.watched

  project = var.project

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "runtime_reads" {
  count = local.watched

  bucket = var.bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.runtime.member
}

resource "google_pubsub_topic_iam_member" "bucket_tells" {
  count = local.watched

  project = var.project
  topic   = google_pubsub_topic.exports[0].name
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.agent[0].member
}

resource "google_storage_notification" "objects" {
  count = local.watched

  bucket         = var.bucket
  topic          = google_pubsub_topic.exports[0].id
  event_types    = ["OBJECT_FINALIZE"]
  payload_format = "JSON_API_V1"

  depends_on = [google_pubsub_topic_iam_member.bucket_tells]
}
