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

# save KIND FILE_FLAG FILE: a dashboard or a policy, identified by its title.
save() {
  local kind=$1 flag=$2 file=$3 standing existing channels=()
  standing=$(answer gcloud monitoring "$kind" list --filter="displayName=\"$(display_name "$file")\"" --format='value(name)' --project="$project") || exit
  standing=${standing%%$'\n'*}
  if [ -z "$standing" ]; then
    [ "$kind" != policies ] || [ -z "${channel:-}" ] || channels=(--notification-channels="$channel")
    change gcloud monitoring "$kind" create "--$flag=$file" ${channels[@]+"${channels[@]}"} --project="$project" --quiet
    return 0
  fi
  existing=$(answer gcloud monitoring "$kind" describe "$standing" --format=json --project="$project") || exit
  merged "$file" "$existing" >"$scratch/merged.json" || exit
  [ ! -s "$scratch/merged.json" ] || change gcloud monitoring "$kind" update "$standing" "--$flag=$scratch/merged.json" --project="$project" --quiet
}

save_policy() { save policies policy-from-file "$1"; }
save_dashboard() { channel='' save dashboards config-from-file "$1"; }
