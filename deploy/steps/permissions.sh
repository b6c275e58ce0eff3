# shellcheck shell=bash
# Grants what the configuration needs in Google Cloud, and no more: to read its buckets and tables, to run its queries, and to
# publish to its topics.

# Sets `needed` to lines "KIND NAME". The service itself derives them from the configuration.
read_needed() {
  local each
  needed=''
  if [ -n "$dry_run" ] && [ ! -f "$dist/server.js" ]; then
    [ -z "$config$receipts${sources[*]-}${datasets[*]-}" ] ||
      say 'Note: dist/ does not exist, so the permissions that follow from the configuration are not shown. Run "npm run build".'
    return 0
  fi
  needed=$(COURIER_CONFIG=$(configuration) GOOGLE_CLOUD_PROJECT=$project "$(node_here)" "$dist/server.js" --check --permissions 2>"$scratch/problem") ||
    stop 69 "the permissions that follow from the configuration are unknown. $(cat "$scratch/problem")"
  # A version that does not know this explains the configuration.
  [[ $needed != ok:* ]] || stop 69 'dist/ is of an older version. Run "npm install" and "npm run build".'
  for each in ${datasets[@]+"${datasets[@]}"}; do needed=$needed$'\n'"dataset $each"; done
}

# names_of KIND: one name a line, without duplicates.
names_of() { printf '%s\n' "$needed" | sed -n "s/^$1 //p" | LC_ALL=C sort -u; }

needs() { [ -n "$(names_of "$1")" ]; }

# for_each KIND COMMAND...: runs the command with each name. Table names may have spaces.
for_each() {
  local kind=$1 each
  shift
  while read -r each <&3; do "$@" "$each"; done 3< <(names_of "$kind")
}

# The project of PROJECT.DATASET or PROJECT.DATASET.TABLE.
project_of() {
  local dataset=$2
  [ "$1" = dataset ] || dataset=${2%.*}
  printf '%s' "${dataset%.*}"
}

# The condition for a dataset with its tables, or for one table: https://cloud.google.com/bigquery/docs/conditions
condition_for() {
  local dataset=$2 resource
  [ "$1" = dataset ] || dataset=${2%.*}
  resource=projects/${dataset%.*}/datasets/${dataset##*.}
  if [ "$1" = dataset ]; then
    printf 'resource.name=="%s" || resource.name.startsWith("%s/")' "$resource" "$resource"
  else
    printf 'resource.name=="%s/tables/%s"' "$resource" "${2##*.}"
  fi
}

AS_CONDITIONS=(--flatten='bindings[].members' --format='value(bindings.role,bindings.members,bindings.condition.title,bindings.condition.expression)')

# read_data KIND NAME: lets the courier read a dataset or a table.
read_data() {
  local owner title held expression
  owner=$(project_of "$1" "$2")
  # https://cloud.google.com/iam/docs/conditions-overview: a title has up to 100 characters.
  title=$(printf '%.100s' "$name reads $2")
  expression=$(condition_for "$1" "$2")
  held=$(answer gcloud projects get-iam-policy "$owner" "${AS_CONDITIONS[@]}") || exit
  holds "$held" roles/bigquery.dataViewer "serviceAccount:$runtime"$'\t'"$title"$'\t'"$expression" ||
    change gcloud projects add-iam-policy-binding "$owner" --member="serviceAccount:$runtime" --role=roles/bigquery.dataViewer --condition="title=$title,expression=$expression" --quiet
}

# Revokes what an earlier run granted in this project for data that the configuration no longer names.
forget_data() {
  local held role member title expression wanted
  wanted=$(for_each dataset condition_line dataset && for_each table condition_line table)
  held=$(answer gcloud projects get-iam-policy "$project" "${AS_CONDITIONS[@]}") || exit
  while IFS=$'\t' read -r role member title expression <&3; do
    [ "$role $member" = "roles/bigquery.dataViewer serviceAccount:$runtime" ] || continue
    [[ $title == "$name reads "* && $'\n'$wanted$'\n' != *$'\n'"$expression"$'\n'* ]] || continue
    change gcloud projects remove-iam-policy-binding "$project" --member="$member" --role="$role" --condition="title=$title,expression=$expression" --quiet
  done 3<<<"$held"
}

condition_line() { condition_for "$@" && echo; }

run_jobs_in() {
  local condition=(--condition=None)
  bind "serviceAccount:$runtime" roles/bigquery.jobUser projects -- "$1"
}

# Lets the courier read and list the objects of a bucket.
read_bucket() {
  local found
  found=$(answer gcloud storage buckets describe "gs://$1" --project="$project" --format='value(name)') || exit
  [ -n "$dry_run" ] || [ -n "$found" ] || stop 69 "$account cannot find the bucket gs://$1."
  bind "serviceAccount:$runtime" roles/storage.objectViewer storage buckets -- "gs://$1" --project="$project"
}

# Lets the courier export large results of queries to a bucket, read them there, and delete them.
stage_in_bucket() {
  bind "serviceAccount:$runtime" roles/storage.objectUser storage buckets -- "gs://$1" --project="$project"
}

# The bucket of --bucket is done together with its notification.
read_further_bucket() { [ "$1" = "$bucket" ] || read_bucket "$1"; }

# publish_to projects/PROJECT/topics/NAME
publish_to() {
  local owner=${1#projects/}
  bind "serviceAccount:$runtime" roles/pubsub.publisher pubsub topics -- "${1##*/}" --project="${owner%%/*}"
}

# The dead-letter topic of this script is done when it is created.
publish_to_further_topic() { [ "$1" = "projects/$project/topics/$failed" ] || publish_to "$1"; }

tell_unclear_query() {
  say "Note: the SQL of the query \"$1\" does not name all of its datasets in a simple form. Name those that it reads with --dataset PROJECT.DATASET. The doctor checks whether the courier can read them."
}

grant_needed() {
  for_each bucket read_further_bucket
  for_each staging stage_in_bucket
  for_each jobs run_jobs_in
  for_each dataset read_data dataset
  for_each table read_data table
  forget_data
  for_each topic publish_to_further_topic
  [ ${#datasets[@]} -gt 0 ] || for_each unclear tell_unclear_query
}
