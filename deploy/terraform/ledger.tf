locals {
  collection = "deliveries"
}

resource "google_firestore_database" "ledger" {
  count = var.create_database ? 1 : 0

  project                 = var.project
  name                    = var.database
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = "DELETE_PROTECTION_ENABLED"

  depends_on = [google_project_service.api]
}

# Firestore deletes entries when they expire.
resource "google_firestore_field" "expiry" {
  project    = var.project
  database   = var.database
  collection = local.collection
  field      = "expireAt"

  ttl_config {}

  depends_on = [google_firestore_database.ledger, google_project_service.api]
}

resource "google_project_iam_member" "ledger" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.runtime.member

  condition {
    title      = "${var.name}-ledger"
    expression = "resource.name==\"projects/${var.project}/databases/${var.database}\""
  }

  depends_on = [google_project_service.api]
}
