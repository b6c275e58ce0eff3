# What the configuration needs in Google Cloud, and no more: to read its buckets and tables, to run its queries, and to publish to
# its topics. deploy.sh derives the same from the configuration, and also the datasets that simple SQL names.

locals {
  # Empty for a configuration that is generated from the variables.
  given = try(yamldecode(var.config), {})

  given_sources = flatten(concat(
    [for destination in values(try(local.given.destinations, {})) : try(destination.sources, [])],
    [for subscription in values(try(local.given.pubsub.subscriptions, {})) : try(subscription.sources, [])],
    try(local.given.pubsub.eventSources, []),
  ))
  given_queries = values(try(local.given.queries, {}))
  staging       = toset([for query in local.given_queries : split("/", query.staging.prefix)[2] if can(query.staging.prefix)])
  own_topics    = var.push ? ["projects/${var.project}/topics/${var.name}-exports", "projects/${var.project}/topics/${var.name}-failed"] : []

  # A message about a prefix becomes one message for each object in the topic of its subscription.
  fan_out_topics = [
    for subscription in values(try(local.given.pubsub.subscriptions, {})) : try(subscription.topic, null)
    if anytrue([
      for source in flatten(concat(try(subscription.sources, []), [for name in try(subscription.destinations, []) : try(local.given.destinations[name].sources, [])])) :
      startswith(source, "gs://")
    ])
  ]
  given_topics = setsubtract(compact(concat([try(local.given.receiptTopic, null), try(local.given.pubsub.deadLetterTopic, null)], local.fan_out_topics)), local.own_topics)

  all_sources = distinct(concat(var.sources, local.given_sources))
  buckets     = toset([for source in local.all_sources : split("/", source)[2] if startswith(source, "gs://")])
  tables      = [for source in local.all_sources : trimprefix(source, "bigquery://") if startswith(source, "bigquery://")]

  # Each as PROJECT.DATASET, and PROJECT.DATASET.TABLE.
  read_datasets = toset(concat(var.datasets, [for table in local.tables : trimsuffix(table, ".*") if endswith(table, ".*")]))
  read_tables   = toset([for table in local.tables : table if !endswith(table, ".*")])
  job_projects = toset(concat(
    length(local.tables) + length(var.datasets) > 0 ? [var.project] : [],
    [for query in local.given_queries : try(coalesce(query.project), var.project)],
  ))
}

resource "google_storage_bucket_iam_member" "runtime_reads_sources" {
  for_each = setsubtract(local.buckets, local.watched == 1 ? [var.bucket] : [])

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = google_service_account.runtime.member
}

# Large results of queries are exported there, read, and deleted.
resource "google_storage_bucket_iam_member" "runtime_stages" {
  for_each = local.staging

  bucket = each.value
  role   = "roles/storage.objectUser"
  member = google_service_account.runtime.member
}

resource "google_project_iam_member" "runtime_queries" {
  for_each = local.job_projects

  project = each.value
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.runtime.member
}

resource "google_bigquery_dataset_iam_member" "runtime_reads" {
  for_each = local.read_datasets

  project    = regex("^(.+)\\.([^.]+)$", each.value)[0]
  dataset_id = regex("^(.+)\\.([^.]+)$", each.value)[1]
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.runtime.member
}

resource "google_bigquery_table_iam_member" "runtime_reads" {
  for_each = local.read_tables

  project    = regex("^(.+)\\.([^.]+)\\.([^.]+)$", each.value)[0]
  dataset_id = regex("^(.+)\\.([^.]+)\\.([^.]+)$", each.value)[1]
  table_id   = regex("^(.+)\\.([^.]+)\\.([^.]+)$", each.value)[2]
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.runtime.member
}

# The topic of receipts, if it is not one of the configuration.
resource "google_pubsub_topic" "receipts" {
  count = var.receipts ? 1 : 0

  project = var.project
  name    = "${var.name}-receipts"

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic_iam_member" "runtime_tells" {
  for_each = setunion(local.given_topics, var.receipts ? ["projects/${var.project}/topics/${var.name}-receipts"] : [])

  project = split("/", each.value)[1]
  topic   = split("/", each.value)[3]
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member

  depends_on = [google_pubsub_topic.receipts]
}

# A message about a prefix becomes one message for each object, in the same topic.
resource "google_pubsub_topic_iam_member" "runtime_fans_out" {
  count = var.push && (var.bucket != null || length(local.buckets) > 0) ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.exports[0].name
  role    = "roles/pubsub.publisher"
  member  = google_service_account.runtime.member
}
