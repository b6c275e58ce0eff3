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
    # Every object of the bucket may be delivered, and nothing else that the courier can read.
    eventSources = local.pushes ? [] : local.pushed_sources
    subscriptions = {
      for email in local.pushes ? google_service_account.pusher[*].email : [] :
      "projects/${var.project}/subscriptions/${var.name}-exports" => { serviceAccount = email, destinations = ["default"], topic = "projects/${var.project}/topics/${var.name}-exports", sources = local.pushed_sources }
    }
  }

  pushed_sources = var.bucket == null ? [] : ["gs://${var.bucket}/"]

  made_config = {
    for name, value in {
      audiences = concat([local.url], var.gcloud_user_tokens ? [local.gcloud_audience] : [])
      # The service below requires authentication. Cloud Run checks tokens, and may pass them on without their signature.
      identity     = "cloud-run-iam"
      operators    = local.operators
      destinations = { default = { folder = var.folder, credentials = "drive", callers = local.all_callers, sources = var.sources } }
      credentials  = { drive = local.drive_right }
      ledger       = { firestore = { project = var.project, database = var.database, collection = local.collection } }
      limits       = { concurrentUploads = var.concurrency }
      pubsub       = var.push ? local.pubsub : null
      receiptTopic = var.receipts ? "projects/${var.project}/topics/${var.name}-receipts" : null
    } : name => value if value != null
  }

  config = coalesce(var.config, jsonencode(local.made_config))

  # gcloud's client id, which is the audience of the tokens that gcloud issues to people.
  gcloud_audience = "32555940559.apps.googleusercontent.com"
  accounts        = [for email in var.callers : email if endswith(email, ".gserviceaccount.com")]
  operators       = length(var.operators) > 0 ? var.operators : slice(concat(local.accounts, var.callers), 0, 1)
  # The accounts that senders impersonate.
  impersonated = distinct(concat(
    slice(local.accounts, 0, min(1, length(local.accounts))),
    [for email in local.operators : email if endswith(email, ".gserviceaccount.com")],
  ))

  people = distinct(concat(var.callers, local.operators))
  # Cloud Run checks callers before the courier does.
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

  # Settings of both services: this one and the one of events.tf.
  resource_limits = { cpu = var.cpu, memory = var.memory }
  environment = {
    GOOGLE_CLOUD_PROJECT = var.project
    COURIER_CONFIG       = local.config
  }

  # A startup probe on /v1/ready waits as long as that route waits for Google, which is 25 seconds. The period must not be
  # shorter than the timeout, and all attempts together may take 240 seconds:
  # https://cloud.google.com/run/docs/configuring/healthchecks
  startup_probe = var.ready_probe ? { period = 30, timeout = 30, failures = 8 } : { period = 1, timeout = 1, failures = 60 }
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

      # End-to-end HTTP/2 allows requests of any size.
      ports {
        name           = "h2c"
        container_port = 8080
      }

      resources {
        limits            = local.resource_limits
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = local.startup_probe.period
        timeout_seconds   = local.startup_probe.timeout
        failure_threshold = local.startup_probe.failures

        # Checks that it can deliver: credentials, ledger, folder.
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

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  # With ready_probe the first revision needs all of these.
  depends_on = [
    google_project_service.api,
    google_service_account_iam_member.impersonation,
    google_secret_manager_secret_iam_member.runtime,
    google_firestore_database.ledger,
    google_project_iam_member.ledger,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  # Uses count instead of for_each, because some of these names are known only after they are created.
  count = length(local.invokers)

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.courier.name
  role     = "roles/run.invoker"
  member   = local.invokers[count.index]
}
