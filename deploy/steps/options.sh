# shellcheck shell=bash
# What the operator asks for. Every name that the other steps use is made here.

usage() {
  cat <<'END'
Usage: deploy/deploy.sh --project ID --region REGION --folder FOLDER --caller EMAIL (--keyless | --key) [options]
       deploy/deploy.sh teardown --project ID --region REGION [--yes]

  --project ID        Google Cloud project (default: gcloud's own)
  --region REGION     where it runs, e.g. europe-west1 (default: gcloud's run/region)
  --folder FOLDER     id of the Drive folder: the last part of its address
  --caller EMAIL      who may send files; may be given several times
  --operator EMAIL    who may ask the doctor; may be given several times
  --keyless           writes to Drive by impersonating a service account: there is no key
  --key               writes to Drive with a service account's key, kept in Secret Manager
  --subject EMAIL     whom the account acts for (domain-wide delegation)
  --service           as a Cloud Run service: files of any size, streamed (default)
  --function          as a function: files up to 32 MiB
  --queue KIND        push (default): a topic whose messages are pushed; eventarc: by a function and a trigger; none
  --bucket NAME       objects that appear in this bucket are put into Drive (needs a queue)
  --source PREFIX     callers may have objects below gs://BUCKET/ or gs://BUCKET/PREFIX/ put into Drive; may be given several times
  --name NAME         of the service, and the beginning of all other names (default: drive-courier)
  --database NAME     Firestore database of the ledger (default: "(default)")
  --config FILE       the courier's whole configuration, instead of one made from the options
  --dry-run           prints every command, and runs none
  --yes               asks nothing before it takes down
END
}

# EX_USAGE
misused() {
  say "deploy.sh: $*"
  say 'See deploy/deploy.sh --help.'
  exit 64
}

take_value() {
  value=${2:-}
  [ -n "$value" ] || misused "$1 needs a value."
}

read_arguments() {
  action=up project='' region='' folder='' right='' subject='' form=service queue=push bucket='' name=drive-courier
  database='(default)' config='' dry_run='' yes='' callers=() operators=() sources=()
  while [ $# -gt 0 ]; do
    case $1 in
      up | teardown) action=$1 && shift && continue ;;
      -h | --help) usage && exit 0 ;;
      --keyless | --key)
        [ -z "$right" ] || [ "$right" = "${1#--}" ] || misused 'give --keyless or --key, not both.'
        right=${1#--} && shift && continue
        ;;
      --service | --function) form=${1#--} && shift && continue ;;
      --dry-run) dry_run=yes && shift && continue ;;
      --yes) yes=yes && shift && continue ;;
    esac
    case $1 in
      --project | --region | --folder | --subject | --queue | --bucket | --name | --database | --config)
        take_value "$@" && printf -v "${1#--}" %s "$value"
        ;;
      --caller) take_value "$@" && callers+=("$value") ;;
      --operator) take_value "$@" && operators+=("$value") ;;
      --source) take_value "$@" && sources+=("$value") ;;
      *) misused "what is \"$1\"?" ;;
    esac
    shift 2
  done
}

# matches TEXT PATTERN WHAT: what goes into names, filters and documents has the form that it must have.
matches() {
  [[ $1 =~ ^($2)$ ]] || misused "\"$1\" is no $3."
}

check_arguments() {
  local person='[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+' each
  matches "$project" '([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]' 'project id'
  matches "$region" '[a-z]+-[a-z]+[0-9]+' 'region'
  # Service accounts' ids have at most 30 characters, and this one's end with "-drive".
  matches "$name" '[a-z][a-z0-9-]{2,22}[a-z0-9]' 'name (4 to 24 of a-z, 0-9, -)'
  matches "$database" '\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]' 'Firestore database'
  [ "$action" = up ] || return 0
  [ -n "$right" ] || misused 'say how it may write to Drive: --keyless, or --key.'
  matches "$queue" 'push|eventarc|none' 'kind of queue'
  [ -z "$bucket" ] || matches "$bucket" '[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]' 'bucket'
  [ -z "$bucket" ] || [ "$queue" != none ] || misused '--bucket needs a queue.'
  [ -z "$subject" ] || matches "$subject" "$person" 'email address'
  [ ${#callers[@]} -gt 0 ] || misused 'nobody may send files: give at least one --caller.'
  for each in "${callers[@]}" ${operators[@]+"${operators[@]}"}; do matches "$each" "$person" 'email address'; done
  for each in ${sources[@]+"${sources[@]}"}; do
    matches "$each" 'gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]/([^"\*?]*/)?' 'source (gs://BUCKET/ or gs://BUCKET/PREFIX/)'
  done
  if [ -n "$config" ]; then
    [ -r "$config" ] || misused "$config cannot be read."
  else
    matches "$folder" '[A-Za-z0-9_-]{10,128}' 'folder id; it is the last part of the address that Drive shows for the folder'
  fi
}

name_everything() {
  runtime=$name-run@$project.iam.gserviceaccount.com
  writer=$name-drive@$project.iam.gserviceaccount.com
  pusher=$name-push@$project.iam.gserviceaccount.com
  builder=$name-build@$project.iam.gserviceaccount.com
  secret=$name-key
  exports=$name-exports
  failed=$name-failed
  collection=deliveries
}

read_options() {
  read_arguments "$@"
  check_gcloud
  [ -n "$project" ] || project=$(gcloud_setting core/project)
  [ -n "$project" ] || misused 'in which project? Give --project, or set gcloud'"'"'s own: gcloud config set project ID'
  [ -n "$region" ] || region=$(gcloud_setting run/region)
  [ -n "$region" ] || misused 'where? Give --region, e.g. --region europe-west1'
  check_arguments
  name_everything
}
