# shellcheck shell=bash
# Service accounts, each with what it needs and no more: one runs, one writes to Drive, one pushes, one builds.

# `list` rather than `describe`: of an account that does not exist Google may say PERMISSION_DENIED, which is also what it
# says to somebody who lacks a role.
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
  # Who is named and does not exist yet is made, in this project; an account of another project is its owner's business.
  for each in "${everybody[@]}"; do
    case $each in
      *"@$project.iam.gserviceaccount.com") create_account "$each" 'drive-courier: calls the courier' ;;
    esac
  done
  # https://cloud.google.com/run/docs/configuring/services/build-service-account
  bind_on_project "serviceAccount:$builder" roles/run.builder
}

# The runtime gets tokens of the account that writes to Drive, and of no other.
allow_impersonation() {
  bind "serviceAccount:$runtime" roles/iam.serviceAccountTokenCreator iam service-accounts -- "$writer" --project="$project"
}

# Whoever sends from a laptop gets ID tokens of the caller, and of the operators to run the doctor, and no other right:
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
