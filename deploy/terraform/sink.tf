# Copies the audit lines (one per delivery) to a BigQuery dataset or a bucket, so that they outlive the log.

locals {
  sink_dataset = var.audit_sink == null ? null : try(regex("^bigquery:(.+)$", var.audit_sink)[0], null)
  sink_bucket  = var.audit_sink == null ? null : try(regex("^gs://(.+)$", var.audit_sink)[0], null)
}

resource "google_logging_project_sink" "audit" {
  count = var.audit_sink == null ? 0 : 1

  project                = var.project
  name                   = "${var.name}-audit"
  destination            = local.sink_bucket == null ? "bigquery.googleapis.com/projects/${var.project}/datasets/${coalesce(local.sink_dataset, "none")}" : "storage.googleapis.com/${local.sink_bucket}"
  filter                 = "jsonPayload.audit.outcome:* OR jsonPayload.audit.refused:*"
  unique_writer_identity = true

  dynamic "bigquery_options" {
    for_each = local.sink_dataset == null ? [] : [true]

    content {
      use_partitioned_tables = bigquery_options.value
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_bigquery_dataset_iam_member" "audit" {
  count = local.sink_dataset == null ? 0 : 1

  project    = var.project
  dataset_id = local.sink_dataset
  role       = "roles/bigquery.dataEditor"
  member     = google_logging_project_sink.audit[0].writer_identity
}

resource "google_storage_bucket_iam_member" "audit" {
  count = local.sink_bucket == null ? 0 : 1

  bucket = local.sink_bucket
  role   = "roles/storage.objectCreator"
  member = google_logging_project_sink.audit[0].writer_identity
}
