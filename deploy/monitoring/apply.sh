#!/usr/bin/env bash
# Creates the log-based metrics, the dashboard and the alert policies of this folder in a project. Safe to run again: only
# what differs is updated.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

# The number in dashboard.json and alerts/units-budget.json.
DEFAULT_UNITS=300000000

usage() {
  cat >&2 <<END
Usage: deploy/monitoring/apply.sh PROJECT [NOTIFICATION_CHANNEL] [--units-a-day NUMBER]

  NOTIFICATION_CHANNEL    projects/PROJECT/notificationChannels/NUMBER, which receives alerts. Find or create it at
                          https://console.cloud.google.com/monitoring/alerting/notifications ("Copy channel name")
  --units-a-day NUMBER    budget of Drive API quota units for all deliveries in 24 hours (default: $DEFAULT_UNITS)
END
  exit 64
}

read_arguments() {
  project='' channel='' units=$DEFAULT_UNITS dry_run='' account='' name=drive-courier
  while [ $# -gt 0 ]; do
    case $1 in
      --units-a-day) units=${2:-} && shift $(($# > 1 ? 2 : 1)) && continue ;;
      -*) usage ;;
    esac
    if [ -z "$project" ]; then project=$1; elif [ -z "$channel" ]; then channel=$1; else usage; fi
    shift
  done
  [ -n "$project" ] || usage
  [[ $units =~ ^[1-9][0-9]*$ ]] || usage
  [[ -z $channel || $channel =~ ^projects/[^/]+/notificationChannels/[0-9]+$ ]] || usage
}

# with_budget FILE: a copy of the file with the operator's budget.
with_budget() {
  local copy
  copy=$scratch/$(basename "$1")
  sed "s/$DEFAULT_UNITS/$units/g" "$1" >"$copy"
  printf '%s' "$copy"
}

read_arguments "$@"
check_gcloud
enable logging monitoring
for file in "$monitoring"/log-metrics/*.json; do save_metric "$file"; done
save_dashboard "$(with_budget "$monitoring/dashboard.json")"
list_policies
for file in "$monitoring"/alerts/*.json; do save_policy "$(with_budget "$file")"; done
[ -n "$channel" ] || say 'These alerts notify nobody yet. Run the command again with a NOTIFICATION_CHANNEL.'
