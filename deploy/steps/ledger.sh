# shellcheck shell=bash
# The ledger of idempotency keys: a Firestore database whose entries expire.

create_database() {
  local kind
  kind=$(answer gcloud firestore databases describe --database="$database" --project="$project" --format='value(type)') || exit
  case $kind in
    '') change gcloud firestore databases create --database="$database" --location="$region" --type=firestore-native --delete-protection --project="$project" --quiet ;;
    FIRESTORE_NATIVE) ;;
    *) stop 69 "the Firestore database $database is in Datastore mode, which the ledger does not support. Use another database: --database drive-courier" ;;
  esac
}

# https://cloud.google.com/firestore/docs/ttl
expire_entries() {
  local state
  state=$(answer gcloud firestore fields ttls list --collection-group="$collection" --database="$database" --project="$project" --format='value(ttlConfig.state)') || exit
  [ -n "$state" ] || change gcloud firestore fields ttls update expireAt --collection-group="$collection" --enable-ttl --async --database="$database" --project="$project" --quiet
}

# https://cloud.google.com/firestore/docs/manage-databases#configure_per-database_access_permissions
create_ledger() {
  create_database
  expire_entries
  bind_on_project "serviceAccount:$runtime" roles/datastore.user \
    "title=$name-ledger,expression=resource.name==\"projects/$project/databases/$database\""
}
