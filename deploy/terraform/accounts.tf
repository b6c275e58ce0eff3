# Service accounts with minimal permissions: one runs the service, one writes to Drive, one pushes.

resource "google_service_account" "runtime" {
  project      = var.project
  account_id   = "${var.name}-run"
  display_name = "drive-courier: runs"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "writer" {
  project      = var.project
  account_id   = "${var.name}-drive"
  display_name = "drive-courier: writes to Drive"

  depends_on = [google_project_service.api]
}

resource "google_service_account" "pusher" {
  count = var.push ? 1 : 0

  project      = var.project
  account_id   = "${var.name}-push"
  display_name = "drive-courier: pushes messages"

  depends_on = [google_project_service.api]
}

# The service can impersonate the account that writes to Drive, and no other.
resource "google_service_account_iam_member" "impersonation" {
  count = var.keyless ? 1 : 0

  service_account_id = google_service_account.writer.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.runtime.member
}

# You add the key by hand. In Terraform's state, anybody who can read the state could use it.
resource "google_secret_manager_secret" "key" {
  count = var.keyless ? 0 : 1

  project   = var.project
  secret_id = "${var.name}-key"

  replication {
    auto {}
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "runtime" {
  count = var.keyless ? 0 : 1

  project   = var.project
  secret_id = google_secret_manager_secret.key[0].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.runtime.member
}

# Senders can get ID tokens of the first caller, and of the operators to run the doctor, and nothing else.
resource "google_service_account_iam_member" "sender" {
  for_each = {
    for pair in setproduct(var.senders, local.impersonated) : "${pair[0]} as ${pair[1]}" => { member = pair[0], account = pair[1] }
  }

  service_account_id = "projects/-/serviceAccounts/${each.value.account}"
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = each.value.member

  depends_on = [google_project_service.api]
}
