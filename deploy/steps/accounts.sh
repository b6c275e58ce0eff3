# shellcheck shell=bash
# Four service accounts, each with what it needs and no more: one runs, one writes to Drive, one pushes, one builds.

create_account() {
  local found
  found=$(answer gcloud iam service-accounts describe "$1" --project="$project" --format='value(email)') || exit
  [ -z "$found" ] || return 0
  change gcloud iam service-accounts create "${1%%@*}" --display-name="$2" --project="$project" --quiet
}

create_accounts() {
  create_account "$runtime" 'drive-courier: runs'
  create_account "$writer" 'drive-courier: writes to Drive'
  create_account "$builder" 'drive-courier: builds'
  if [ "$queue" != none ]; then create_account "$pusher" 'drive-courier: pushes messages'; fi
  # https://cloud.google.com/run/docs/configuring/services/build-service-account
  bind_on_project "serviceAccount:$builder" roles/run.builder
}

# The runtime gets tokens of the account that writes to Drive, and of no other.
allow_impersonation() {
  bind "serviceAccount:$runtime" roles/iam.serviceAccountTokenCreator iam service-accounts -- "$writer" --project="$project"
}
