# The same as deploy/monitoring/apply.sh: log-based metrics, a dashboard, and alert policies.

locals {
  monitoring_folder = "${path.module}/../monitoring"
  # The budget in those files, which is replaced by the variable.
  default_units = "300000000"

  log_metrics = {
    for file in var.monitoring ? fileset("${local.monitoring_folder}/log-metrics", "*.json") : [] :
    trimsuffix(file, ".json") => jsondecode(file("${local.monitoring_folder}/log-metrics/${file}"))
  }

  alerts = {
    for file in var.monitoring ? fileset("${local.monitoring_folder}/alerts", "*.json") : [] :
    trimsuffix(file, ".json") => jsondecode(replace(file("${local.monitoring_folder}/alerts/${file}"), local.default_units, tostring(var.units_a_day)))
  }
}

resource "google_logging_metric" "courier" {
  for_each = local.log_metrics

  project          = var.project
  name             = each.key
  description      = each.value.description
  filter           = each.value.filter
  value_extractor  = try(each.value.valueExtractor, null)
  label_extractors = each.value.labelExtractors

  metric_descriptor {
    metric_kind = each.value.metricDescriptor.metricKind
    value_type  = each.value.metricDescriptor.valueType
    unit        = each.value.metricDescriptor.unit

    dynamic "labels" {
      for_each = each.value.metricDescriptor.labels

      content {
        key         = labels.value.key
        value_type  = labels.value.valueType
        description = labels.value.description
      }
    }
  }

  dynamic "bucket_options" {
    for_each = try([each.value.bucketOptions.exponentialBuckets], [])

    content {
      exponential_buckets {
        num_finite_buckets = bucket_options.value.numFiniteBuckets
        growth_factor      = bucket_options.value.growthFactor
        scale              = bucket_options.value.scale
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_monitoring_dashboard" "courier" {
  count = var.monitoring ? 1 : 0

  project        = var.project
  dashboard_json = replace(file("${local.monitoring_folder}/dashboard.json"), local.default_units, tostring(var.units_a_day))

  depends_on = [google_project_service.api]
}

# Monitoring needs up to ten minutes to register a new log-based metric, and rejects alert policies on it until then.
resource "time_sleep" "metrics" {
  count = var.monitoring ? 1 : 0

  create_duration = "600s"
  triggers        = { metrics = join(",", keys(local.log_metrics)) }

  depends_on = [google_logging_metric.courier]
}

resource "google_monitoring_alert_policy" "courier" {
  for_each = local.alerts

  project               = var.project
  display_name          = each.value.displayName
  combiner              = each.value.combiner
  severity              = each.value.severity
  user_labels           = each.value.userLabels
  notification_channels = var.notification_channels

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
    subject   = each.value.documentation.subject
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      dynamic "condition_matched_log" {
        for_each = try([conditions.value.conditionMatchedLog], [])

        content {
          filter           = condition_matched_log.value.filter
          label_extractors = condition_matched_log.value.labelExtractors
        }
      }

      dynamic "condition_threshold" {
        for_each = try([conditions.value.conditionThreshold], [])

        content {
          filter          = condition_threshold.value.filter
          comparison      = condition_threshold.value.comparison
          threshold_value = condition_threshold.value.thresholdValue
          duration        = condition_threshold.value.duration

          dynamic "aggregations" {
            for_each = condition_threshold.value.aggregations

            content {
              alignment_period     = aggregations.value.alignmentPeriod
              per_series_aligner   = aggregations.value.perSeriesAligner
              cross_series_reducer = try(aggregations.value.crossSeriesReducer, null)
              group_by_fields      = try(aggregations.value.groupByFields, [])
            }
          }

          trigger {
            count = condition_threshold.value.trigger.count
          }
        }
      }

      dynamic "condition_prometheus_query_language" {
        for_each = try([conditions.value.conditionPrometheusQueryLanguage], [])

        content {
          query               = condition_prometheus_query_language.value.query
          duration            = condition_prometheus_query_language.value.duration
          evaluation_interval = condition_prometheus_query_language.value.evaluationInterval
        }
      }
    }
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose

    dynamic "notification_rate_limit" {
      for_each = try([each.value.alertStrategy.notificationRateLimit], [])

      content {
        period = notification_rate_limit.value.period
      }
    }
  }

  depends_on = [time_sleep.metrics]
}
