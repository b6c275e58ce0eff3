# shellcheck shell=bash
# Service accounts with minimal permissions: one runs the service, one writes to Drive, one pushes, one builds.

# `list` instead of `describe`: for an account that does not exist, `describe` may answer PERMISSION_DENIED, which is also the
# answer if a role is missing.
account_exists() {
  local found
  found=$(answer gcloud iam service-accounts list --filter="email=$1" --project="$project" --format='value(email)') || exit
  [ -n "$found" ]
}

create_account() {
  if account_exists "$1"; then return 0; fi
  change gcloud iam service-accounts create "${1%%@*}" --display-name="$2" --project="$project" --quiet
}

create_accounts() {
  local each
  create_account "$runtime" 'drive-courier: runs'
  create_account "$writer" 'drive-courier: writes to Drive'
  create_account "$builder" 'drive-courier: builds'
  if [ "$queue" != none ]; then create_account "$pusher" 'drive-courier: pushes messages'; fi
  # Creates callers and operators of this project that do not exist yet. Accounts of other projects belong to their owners.
  for each in "${everybody[@]}"; do
    case $each in
      *"@$project.iam.gserviceaccount.com") create_account "$each" 'drive-courier: calls the courier' ;;
    esac
  done
  # https://cloud.google.com/run/docs/configuring/services/build-service-account
  bind_on_project "serviceAccount:$builder" roles/run.builder
}

# The service can impersonate the account that writes to Drive, and no other.
allow_impersonation() {
  bind "serviceAccount:$runtime" roles/iam.serviceAccountTokenCreator iam service-accounts -- "$writer" --project="$project"
}

# Senders can get ID tokens of the caller, and of the operators to run the doctor, and nothing else:
# "courier send --impersonate CALLER".
allow_senders() {
  local each target bound
  for each in ${senders[@]+"${senders[@]}"}; do
    bound=''
    for target in "$sends_as" "${operators[@]}"; do
      is_service_account "$target" || continue
      [ "$target" != "${bound:-}" ] || continue
      bound=$target
      bind "$each" roles/iam.serviceAccountOpenIdTokenCreator iam service-accounts -- "$target" --project="$project"
    done
  done
}
