locals {
  apis = toset(concat(
    ["run", "iam", "iamcredentials", "drive", "firestore"],
    var.keyless ? [] : ["secretmanager"],
    var.push ? ["pubsub"] : [],
    var.events_image == null ? [] : ["eventarc"],
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
}
