#!/usr/bin/env bash
# Sets the courier up in a Google Cloud project, or takes it down: "deploy.sh --help". Safe to run again, whatever happened before.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for part in run options project accounts key ledger service queue bucket teardown; do
  # shellcheck source=/dev/null
  . "$here/steps/$part.sh"
done

set_up() {
  check_built
  check_project
  enable_apis
  create_accounts
  if [ "$right" = key ]; then create_key; else allow_impersonation; fi
  create_ledger
  create_topics
  read_sources
  deploy_service
  allow_callers
  case $queue in
    push) subscribe_with_push ;;
    eventarc) deploy_events && trigger_with_eventarc ;;
  esac
  if [ -n "$bucket" ]; then watch_bucket; fi
  tell_what_is_left
}

read_options "$@"
case $action in
  up) set_up ;;
  teardown) take_down ;;
esac
