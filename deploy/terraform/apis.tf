locals {
  has_events = var.push && var.events_image != null

  apis = toset(concat(
    # The first API is needed for data.google_project and for roles on the project.
    ["cloudresourcemanager", "run", "iam", "iamcredentials", "drive", "firestore"],
    var.keyless ? [] : ["secretmanager"],
    var.push || var.receipts || length(local.given_topics) > 0 ? ["pubsub"] : [],
    local.has_events ? ["eventarc"] : [],
    var.bucket == null && length(local.buckets) + length(local.staging) == 0 ? [] : ["storage"],
    length(local.job_projects) > 0 || local.sink_dataset != null ? ["bigquery"] : [],
    var.monitoring || var.audit_sink != null ? ["logging"] : [],
    var.monitoring ? ["monitoring"] : [],
    var.aws_account == null ? [] : ["sts"],
  ))
}

resource "google_project_service" "api" {
  for_each = local.apis

  project            = var.project
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

data "google_project" "this" {
  project_id = var.project

  depends_on = [google_project_service.api]
}

# Google creates these service agents when a service is first used. Roles can be granted to them only after they exist.
resource "google_project_service_identity" "pubsub" {
  provider = google-beta
  count    = var.push ? 1 : 0

  project = var.project
  service = "pubsub.googleapis.com"

  depends_on = [google_project_service.api]
}

resource "google_project_service_identity" "eventarc" {
  provider = google-beta
  count    = local.has_events ? 1 : 0

  project = var.project
  service = "eventarc.googleapis.com"

  depends_on = [google_project_service.api]
}

# In a new project, the first trigger fails until the role of Eventarc's service agent is active everywhere. This takes some
# minutes.
resource "time_sleep" "eventarc" {
  count = local.has_events ? 1 : 0

  create_duration = "300s"

  depends_on = [google_project_service_identity.eventarc]
}
