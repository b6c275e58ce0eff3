#!/usr/bin/env bash
# Creates an alert for a missing file: "no delivery to DESTINATION by HH:MM". Safe to run again.
set -euo pipefail

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

usage() {
  cat >&2 <<'END'
Usage: deploy/monitoring/expect-delivery.sh --project ID --destination NAME --by HH:MM [options]

  --destination NAME   name of the destination in the configuration
  --by HH:MM           time of day by which a file is expected
  --zone ZONE          time zone of --by, e.g. Europe/Berlin (default: UTC). Monitoring uses UTC, so run this again when
                       the clocks change
  --within HOURS       how far back a delivery counts, 1 to 24 (default: since midnight of that zone)
  --days DAYS          on which days, 0 (Sunday) to 6, as a range of UTC days (default: 0-6; working days: 1-5)
  --channel CHANNEL    projects/PROJECT/notificationChannels/NUMBER
END
  exit 64
}

read_arguments() {
  project='' destination='' by='' zone=UTC within='' days=0-6 channel='' dry_run='' account='' name=drive-courier
  while [ $# -gt 0 ]; do
    case $1 in
      --project | --destination | --by | --zone | --within | --days | --channel)
        [ $# -gt 1 ] || usage
        printf -v "${1#--}" %s "$2" && shift 2
        ;;
      *) usage ;;
    esac
  done
  [[ $project =~ ^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || usage
  [[ $destination =~ ^[A-Za-z0-9._-]+$ ]] || usage
  [[ $by =~ ^([01][0-9]|2[0-3]):[0-5][0-9]$ ]] || usage
  [[ -z $within || $within =~ ^([1-9]|1[0-9]|2[0-4])$ ]] || usage
  [[ $days =~ ^[0-6]-[0-6]$ ]] || usage
  [[ -z $channel || $channel =~ ^projects/[^/]+/notificationChannels/[0-9]+$ ]] || usage
}

read_arguments "$@"
check_gcloud
"$(node_here)" "$monitoring/expected-delivery.mjs" "$destination" "$by" "$zone" "$within" "$days" >"$scratch/policy.json" ||
  stop 64 "\"$zone\" is not a time zone. Use a name such as Europe/Berlin."
enable logging monitoring
save_metric "$monitoring/log-metrics/courier-deliveries.json"
list_policies
save_policy "$scratch/policy.json"
[ -n "$channel" ] || say 'This alert notifies nobody yet. Run the command again with --channel.'
