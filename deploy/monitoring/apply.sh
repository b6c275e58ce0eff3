#!/usr/bin/env bash
# Puts the log-based metrics, the dashboard and the alert policies of this folder into a project. Safe to run again: what
# is there already is left as it is, apart from the metrics, which are brought up to date.
set -euo pipefail

usage() {
  echo "usage: apply.sh PROJECT [NOTIFICATION_CHANNEL]" >&2
  echo "  NOTIFICATION_CHANNEL: projects/PROJECT/notificationChannels/NUMBER, as 'gcloud beta monitoring channels list' names it" >&2
  exit 64
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then usage; fi
project=$1
channel=${2:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

command -v gcloud > /dev/null || {
  echo "apply.sh: gcloud is not installed: https://cloud.google.com/sdk/docs/install" >&2
  exit 69
}

display_name() {
  sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$1" | head -n 1
}

for file in "$here"/log-metrics/*.json; do
  name=$(basename "$file" .json)
  verb=create
  [ -z "$(gcloud logging metrics list --filter="name=$name" --format='value(name)' --project="$project")" ] || verb=update
  gcloud logging metrics "$verb" "$name" --config-from-file="$file" --project="$project"
done

title=$(display_name "$here/dashboard.json")
if [ -z "$(gcloud monitoring dashboards list --filter="displayName=\"$title\"" --format='value(name)' --project="$project")" ]; then
  gcloud monitoring dashboards create --config-from-file="$here/dashboard.json" --project="$project"
fi

for file in "$here"/alerts/*.json; do
  title=$(display_name "$file")
  [ -z "$(gcloud alpha monitoring policies list --filter="displayName=\"$title\"" --format='value(name)' --project="$project")" ] || continue
  if [ -n "$channel" ]; then
    gcloud alpha monitoring policies create --policy-from-file="$file" --notification-channels="$channel" --project="$project"
  else
    gcloud alpha monitoring policies create --policy-from-file="$file" --project="$project"
  fi
done
