#!/usr/bin/env bash
# Deploys the courier to a Google Cloud project, rolls it back, or removes it: see "deploy.sh --help". Safe to run again at any time.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for part in run options size project accounts key ledger service queue permissions bucket sink rollback teardown; do
  # shellcheck source=/dev/null
  . "$here/steps/$part.sh"
done

set_up() {
  check_built
  check_project
  check_configuration
  read_needed
  enable_apis
  create_accounts
  if [ "$right" = key ]; then create_key; else allow_impersonation; fi
  create_ledger
  create_topics
  grant_needed
  deploy_service
  allow_callers
  allow_senders
  case $queue in
    push) subscribe_with_push ;;
    eventarc) deploy_events && trigger_with_eventarc ;;
  esac
  if [ -n "$bucket" ]; then watch_bucket; fi
  if [ -n "$audit_sink" ]; then create_sink; fi
  tell_what_is_left
}

read_options "$@"
case $action in
  up) set_up ;;
  rollback) roll_back ;;
  teardown) take_down ;;
esac
