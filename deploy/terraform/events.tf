# Delivers messages by the function courierEvent and an Eventarc trigger, instead of by push.

resource "google_cloud_run_v2_service" "events" {
  count = local.has_events ? 1 : 0

  project             = var.project
  name                = "${var.name}-events"
  location            = var.region
  deletion_protection = false
  labels              = var.labels
  # Eventarc calls from inside Google Cloud, so no other ingress is needed.
  ingress = "INGRESS_TRAFFIC_INTERNAL_ONLY"

  template {
    service_account = google_service_account.runtime.email
    timeout         = "540s"

    max_instance_request_concurrency = var.concurrency

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

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = var.events_image

      resources {
        limits            = local.resource_limits
        startup_cpu_boost = true
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

  depends_on = [google_project_service.api]
}

resource "google_cloud_run_v2_service_iam_member" "events_invoker" {
  count = length(google_cloud_run_v2_service.events)

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.events[0].name
  role     = "roles/run.invoker"
  member   = google_service_account.pusher[0].member
}

resource "google_eventarc_trigger" "exports" {
  count = length(google_cloud_run_v2_service.events)

  project         = var.project
  name            = "${var.name}-exports"
  location        = var.region
  service_account = google_service_account.pusher[0].email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.pubsub.topic.v1.messagePublished"
  }

  transport {
    pubsub {
      topic = google_pubsub_topic.exports[0].id
    }
  }

  destination {
    cloud_run_service {
      service = google_cloud_run_v2_service.events[0].name
      region  = var.region
    }
  }

  depends_on = [time_sleep.eventarc, google_service_account_iam_member.push_tokens, google_cloud_run_v2_service_iam_member.events_invoker]
}
