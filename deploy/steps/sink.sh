# shellcheck shell=bash
# Copies the audit lines (one per delivery) to a BigQuery dataset or a bucket, so that they outlive the log.

AUDIT_LINES='jsonPayload.audit.outcome:* OR jsonPayload.audit.refused:*'

sink_destination() {
  case $audit_sink in
    gs://*) printf 'storage.googleapis.com/%s' "${audit_sink#gs://}" ;;
    bigquery:*) printf 'bigquery.googleapis.com/projects/%s/datasets/%s' "$project" "${audit_sink#bigquery:}" ;;
  esac
}

# Cloud Logging writes with its own account, which is known after the sink is created.
allow_sink_to_write() {
  local writes_as
  writes_as=$(answer gcloud logging sinks describe "$sink" --project="$project" --format='value(writerIdentity)') || exit
  writes_as=${writes_as:-serviceAccount:WRITER_IDENTITY}
  case $audit_sink in
    gs://*) bind "$writes_as" roles/storage.objectCreator storage buckets -- "$audit_sink" --project="$project" ;;
    bigquery:*)
      bind_on_project "$writes_as" roles/bigquery.dataEditor \
        "title=$sink,expression=resource.name.startsWith(\"projects/$project/datasets/${audit_sink#bigquery:}\")"
      ;;
  esac
}

create_sink() {
  local existing wanted kind=()
  wanted=$(sink_destination)
  existing=$(answer gcloud logging sinks describe "$sink" --project="$project" --format='value(destination,filter)') || exit
  [[ $audit_sink != bigquery:* ]] || kind=(--use-partitioned-tables)
  if [ -z "$existing" ]; then
    change gcloud logging sinks create "$sink" "$wanted" --log-filter="$AUDIT_LINES" ${kind[@]+"${kind[@]}"} --project="$project" --quiet
  elif [ "$existing" != "$wanted"$'\t'"$AUDIT_LINES" ]; then
    change gcloud logging sinks update "$sink" "$wanted" --log-filter="$AUDIT_LINES" ${kind[@]+"${kind[@]}"} --project="$project" --quiet
  fi
  allow_sink_to_write
}
