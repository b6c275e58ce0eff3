# shellcheck shell=bash
# Functions that the scripts of this folder share. They create missing metrics, dashboards and alert policies, and update those
# that differ.

monitoring=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
here=$(dirname "$monitoring")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for part in run project; do
  # shellcheck source=/dev/null
  . "$here/steps/$part.sh"
done

# merged FILE EXISTING: the content to update it with; empty if nothing differs.
merged() {
  printf '%s' "$2" >"$scratch/existing.json"
  "$(node_here)" "$monitoring/merge.mjs" "$1" "$scratch/existing.json" "${channel:-}" ||
    stop 69 'Node is required to compare existing resources with the files: https://nodejs.org'
}

display_name() { sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$1" | head -n 1; }

save_metric() {
  local metric existing
  metric=$(basename "$1" .json)
  existing=$(answer gcloud logging metrics describe "$metric" --format=json --project="$project") || exit
  if [ -z "$existing" ]; then
    change gcloud logging metrics create "$metric" --config-from-file="$1" --project="$project" --quiet
  elif [ -n "$(channel='' merged "$1" "$existing")" ]; then
    change gcloud logging metrics update "$metric" --config-from-file="$1" --project="$project" --quiet
  fi
}

# update KIND FILE_FLAG FILE NAME EXISTING: only if something differs.
update() {
  merged "$3" "$5" >"$scratch/merged.json" || exit
  [ ! -s "$scratch/merged.json" ] || change gcloud monitoring "$1" update "$4" "--$2=$scratch/merged.json" --project="$project" --quiet
}

# A dashboard is found by its title.
save_dashboard() {
  local file=$1 name existing
  name=$(answer gcloud monitoring dashboards list --filter="displayName=\"$(display_name "$file")\"" --format='value(name)' --project="$project") || exit
  name=${name%%$'\n'*}
  if [ -z "$name" ]; then
    change gcloud monitoring dashboards create "--config-from-file=$file" --project="$project" --quiet
    return 0
  fi
  existing=$(answer gcloud monitoring dashboards describe "$name" --format=json --project="$project") || exit
  channel='' update dashboards config-from-file "$file" "$name" "$existing"
}

# list_policies: all alert policies of the project, for save_policy.
list_policies() {
  answer gcloud monitoring policies list --format=json --project="$project" >"$scratch/policies.json" || exit
  [ -s "$scratch/policies.json" ] || printf '[]' >"$scratch/policies.json"
}

# save_policy FILE: after list_policies.
save_policy() {
  local file=$1 existing name channels=()
  existing=$("$(node_here)" "$monitoring/find-policy.mjs" "$file" "$scratch/policies.json") || exit
  if [ -z "$existing" ]; then
    [ -z "${channel:-}" ] || channels=(--notification-channels="$channel")
    change gcloud monitoring policies create "--policy-from-file=$file" ${channels[@]+"${channels[@]}"} --project="$project" --quiet
    return 0
  fi
  name=${existing%%$'\n'*}
  update policies policy-from-file "$file" "$name" "${existing#*$'\n'}"
}
