# The other way for messages: the function courierEvent behind an Eventarc trigger.

resource "google_cloud_run_v2_service" "events" {
  count = var.push && var.events_image != null ? 1 : 0

  project             = var.project
  name                = "${var.name}-events"
  location            = var.region
  deletion_protection = false

  template {
    service_account = google_service_account.runtime.email
    timeout         = "540s"

    scaling {
      max_instance_count = var.max_instances
    }

    containers {
      image = var.events_image

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
}
