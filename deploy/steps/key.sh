# shellcheck shell=bash
# Creates the key of the account that writes to Drive and stores it in Secret Manager, without writing it to disk.

create_secret() {
  local found
  found=$(answer gcloud secrets describe "$secret" --project="$project" --format='value(name)') || exit
  [ -z "$found" ] || return 0
  change gcloud secrets create "$secret" --replication-policy=automatic --project="$project" --quiet
}

warn_of_lost_keys() {
  local keys
  keys=$(answer gcloud iam service-accounts keys list --iam-account="$writer" --managed-by=user --project="$project" --format='value(name.basename())') || exit
  [ -z "$keys" ] || say "Note: $writer has a key that is not in the secret, perhaps from a run that was cut off. If nobody uses it: gcloud iam service-accounts keys delete ${keys%%$'\n'*} --iam-account=$writer --project=$project"
}

# The key passes only through this pipe.
pipe_key() { "${make[@]}" | "${store[@]}" >/dev/null; }

store_key() {
  local problem make=(gcloud iam service-accounts keys create - --iam-account="$writer" --project="$project" --quiet)
  local store=(gcloud secrets versions add "$secret" --data-file=- --project="$project" --quiet)
  printf '%s | %s\n' "$(print_command "${make[@]}")" "$(print_command "${store[@]}")"
  [ -z "$dry_run" ] || return 0
  problem=$(attempt pipe_key) || explain "$problem"
}

create_key() {
  local version
  create_secret
  version=$(answer gcloud secrets versions list "$secret" --project="$project" --filter=state=ENABLED --limit=1 --format='value(name)') || exit
  if [ -z "$version" ]; then
    warn_of_lost_keys
    store_key
  fi
  bind "serviceAccount:$runtime" roles/secretmanager.secretAccessor secrets -- "$secret" --project="$project"
}
