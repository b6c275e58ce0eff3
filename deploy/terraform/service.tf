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
      audiences = concat([local.url], var.gcloud_user_tokens ? [local.gcloud_audience] : [])
      # The service below requires authentication, and Cloud Run may hand tokens on without their signature.
      identity     = "cloud-run-iam"
      operators    = local.operators
      destinations = { default = { folder = var.folder, credentials = "drive", callers = local.all_callers, sources = var.sources } }
      credentials  = { drive = local.drive_right }
      ledger       = { firestore = { project = var.project, database = var.database, collection = local.collection } }
      limits       = { concurrentUploads = var.concurrency }
      pubsub       = var.push ? local.pubsub : null
    } : name => value if value != null
  }

  config = coalesce(var.config, jsonencode(local.made_config))

  # gcloud's own client id: the audience of the tokens that it makes for people.
  gcloud_audience = "32555940559.apps.googleusercontent.com"
  accounts        = [for email in var.callers : email if endswith(email, ".gserviceaccount.com")]
  operators       = length(var.operators) > 0 ? var.operators : slice(concat(local.accounts, var.callers), 0, 1)
  # The accounts that senders act as.
  impersonated = distinct(concat(
    slice(local.accounts, 0, min(1, length(local.accounts))),
    [for email in local.operators : email if endswith(email, ".gserviceaccount.com")],
  ))

  people = distinct(concat(var.callers, local.operators))
  # The platform checks identity before the courier does.
  invokers = concat(
    [for email in local.people : endswith(email, ".gserviceaccount.com") ? "serviceAccount:${email}" : "user:${email}"],
    google_service_account.pusher[*].member,
    google_service_account.aws_caller[*].member,
  )
  all_callers = concat(var.callers, google_service_account.aws_caller[*].email)

  ingress = {
    all                               = "INGRESS_TRAFFIC_ALL"
    internal                          = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    internal-and-cloud-load-balancing = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  }
  vpc = var.vpc == null ? [] : [var.vpc]
}

resource "google_cloud_run_v2_service" "courier" {
  project             = var.project
  name                = var.name
  location            = var.region
  deletion_protection = false
  labels              = var.labels
  ingress             = local.ingress[var.ingress]

  template {
    service_account                  = google_service_account.runtime.email
    timeout                          = "3600s"
    max_instance_request_concurrency = var.concurrency

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    dynamic "vpc_access" {
      for_each = local.vpc

      content {
        egress = vpc_access.value.egress

        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnet
        }
      }
    }

    containers {
      image = var.image

      # End to end HTTP/2: requests of any size.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits            = { cpu = var.cpu, memory = var.memory }
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = var.ready_probe ? 10 : 1
        timeout_seconds   = var.ready_probe ? 10 : 1
        failure_threshold = var.ready_probe ? 12 : 60

        # Whether it can deliver: credentials, ledger, folder.
        dynamic "http_get" {
          for_each = var.ready_probe ? ["/v1/ready"] : []

          content {
            path = http_get.value
          }
        }

        dynamic "tcp_socket" {
          for_each = var.ready_probe ? [] : [8080]

          content {
            port = tcp_socket.value
          }
        }
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

  # With ready_probe the first revision needs all of it.
  depends_on = [
    google_project_service.api,
    google_service_account_iam_member.impersonation,
    google_secret_manager_secret_iam_member.runtime,
    google_firestore_database.ledger,
    google_project_iam_member.ledger,
  ]
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
