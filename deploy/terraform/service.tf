locals {
  # https://cloud.google.com/run/docs/triggering/https-request#deterministic
  url = "https://${var.name}-${data.google_project.this.number}.${var.region}.run.app"

  drive_right = {
    for name, value in {
      impersonate = var.keyless ? google_service_account.writer.email : null
      secret      = var.keyless ? null : "projects/${var.project}/secrets/${var.name}-key/versions/latest"
      subject     = var.subject
    } : name => value if value != null
  }

  pubsub = {
    deadLetterTopic   = "projects/${var.project}/topics/${var.name}-failed"
    eventDestinations = local.pushes ? [] : ["default"]
    # Whatever the bucket tells of may be delivered, and nothing else that the courier can read.
    eventSources = local.pushes ? [] : local.pushed_sources
    subscriptions = {
      for email in local.pushes ? google_service_account.pusher[*].email : [] :
      "projects/${var.project}/subscriptions/${var.name}-exports" => { serviceAccount = email, destinations = ["default"], sources = local.pushed_sources }
    }
  }

  pushed_sources = var.bucket == null ? [] : ["gs://${var.bucket}/"]

  made_config = {
    for name, value in {
      audiences = [local.url]
      # The service below requires authentication, and Cloud Run may hand tokens on without their signature.
      identity     = "cloud-run-iam"
      operators    = var.operators
      destinations = { default = { folder = var.folder, credentials = "drive", callers = local.all_callers, sources = var.sources } }
      credentials  = { drive = local.drive_right }
      ledger       = { firestore = { project = var.project, database = var.database, collection = local.collection } }
      pubsub       = var.push ? local.pubsub : null
    } : name => value if value != null
  }

  config = coalesce(var.config, jsonencode(local.made_config))

  people = distinct(concat(var.callers, var.operators))
  # The platform checks identity before the courier does.
  invokers = concat(
    [for email in local.people : endswith(email, ".gserviceaccount.com") ? "serviceAccount:${email}" : "user:${email}"],
    google_service_account.pusher[*].member,
    google_service_account.aws_caller[*].member,
  )
  all_callers = concat(var.callers, google_service_account.aws_caller[*].email)
}

resource "google_cloud_run_v2_service" "courier" {
  project             = var.project
  name                = var.name
  location            = var.region
  deletion_protection = false

  template {
    service_account                  = google_service_account.runtime.email
    timeout                          = "3600s"
    max_instance_request_concurrency = 80

    scaling {
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image

      # End to end HTTP/2: requests of any size.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits            = { cpu = "1", memory = "1Gi" }
        startup_cpu_boost = true
      }

      env {
        name  = "GOOGLE_CLOUD_PROJECT"
        value = var.project
      }

      env {
        name  = "COURIER_CONFIG"
        value = local.config
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  # Counted, not keyed: some of these names are known only once they are made.
  count = length(local.invokers)

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.courier.name
  role     = "roles/run.invoker"
  member   = local.invokers[count.index]
}
