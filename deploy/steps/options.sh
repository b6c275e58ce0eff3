# shellcheck shell=bash
# Reads the options, and defines every name that the other steps use.

usage() {
  cat <<'END'
Usage: deploy/deploy.sh --project ID --region REGION --folder FOLDER --caller EMAIL (--keyless | --key) [options]
       deploy/deploy.sh rollback --project ID --region REGION [--to REVISION]
       deploy/deploy.sh teardown --project ID --region REGION [--yes]

Location and callers:
  --project ID        Google Cloud project (default: gcloud's own)
  --region REGION     region to deploy to, e.g. europe-west1 (default: gcloud's run/region)
  --folder FOLDER     id of the Drive folder: the last part of its address
  --caller EMAIL      service account that may send files; may be given several times. One of this project that does
                      not exist yet is created
  --sender MEMBER     user:EMAIL or group:EMAIL that may send from a laptop as the first caller:
                      "courier send --impersonate"; may be given several times
  --operator EMAIL    service account that may run the doctor; may be given several times (default: the first caller)
  --gcloud-user-tokens  also accepts people as callers and operators, with the tokens that gcloud issues to them. The audience
                      of such a token is gcloud, not the courier, so anybody who gets one can use it elsewhere

Authentication to Drive:
  --keyless           impersonate a service account, without a key
  --key               use a service account's key from Secret Manager
  --subject EMAIL     user that the account acts for (domain-wide delegation)

What is deployed:
  --service           a Cloud Run service: files of any size, streamed (default)
  --function          a function: files up to 32 MiB
  --queue KIND        push (default): a topic with a push subscription; eventarc: a function with a trigger; none
  --bucket NAME       deliver new objects of this bucket to Drive (needs a queue)
  --source SOURCE     callers may have this delivered: objects below gs://BUCKET/ or gs://BUCKET/PREFIX/, or the tables
                      bigquery://PROJECT.DATASET.TABLE or bigquery://PROJECT.DATASET.*; may be given several times
  --dataset P.DATASET a dataset that the queries of --config read, if their SQL does not show it; may be given several times
  --receipts          publish every receipt to the topic NAME-receipts
  --name NAME         name of the service, and the beginning of all other names (default: drive-courier)
  --database NAME     Firestore database of the ledger (default: "(default)")
  --config FILE       complete configuration, instead of one generated from the options
  --audit-sink WHERE  copies the audit lines to bigquery:DATASET or gs://BUCKET, which must exist

Size:
  --memory SIZE       e.g. 512Mi, 2Gi (default: 1Gi)
  --cpu NUMBER        1, 2, 4, 6 or 8 (default: 1)
  --concurrency N     concurrent requests per instance; also the configuration's concurrentUploads (default: 80)
  --min-instances N   minimum number of instances (default: 0)
  --max-instances N   maximum number of instances (default: 20)
  --ingress WHAT      all (default), internal, or internal-and-cloud-load-balancing
  --vpc-network NAME  sends its traffic through this VPC network
  --vpc-subnet NAME   and this subnet
  --vpc-egress WHAT   private-ranges-only (default) or all-traffic
  --labels K=V,...    labels of the service
  --ready-probe       send traffic to a new revision only after /v1/ready has checked credentials, ledger and folder.
                      Use it once the folder is shared

Each time:
  --redeploy          deploy even if nothing has changed, with a new base image and compile cache
  --to REVISION       revision to roll back to (default: the one before the current one)
  --dry-run           print every command, and run none
  --yes               do not ask for confirmation before teardown

The environment variable COURIER_COMMIT sets the commit that GET /v1/health reports (default: the one that the build found).
END
}

# EX_USAGE
misused() {
  say "$program: $*"
  say "See deploy/deploy.sh --help."
  exit 64
}

take_value() {
  value=${2:-}
  [ -n "$value" ] || misused "$1 needs a value."
}

read_arguments() {
  action=up project='' region='' folder='' right='' subject='' form=service queue=push bucket='' name=drive-courier
  database='(default)' config='' dry_run='' yes='' callers=() operators=() senders=() sources=() datasets=() receipts='' gcloud_user_tokens='' redeploy=''
  memory=1Gi cpu=1 concurrency='' min_instances=0 max_instances=20 ingress=all labels='' ready_probe='' to='' audit_sink=''
  vpc_network='' vpc_subnet='' vpc_egress=''
  local variable
  while [ $# -gt 0 ]; do
    case $1 in
      up | teardown | rollback) action=$1 && shift && continue ;;
      -h | --help) usage && exit 0 ;;
      --keyless | --key)
        [ -z "$right" ] || [ "$right" = "${1#--}" ] || misused '--keyless and --key exclude each other.'
        right=${1#--} && shift && continue
        ;;
      --service | --function) form=${1#--} && shift && continue ;;
      --dry-run | --yes | --redeploy | --ready-probe | --gcloud-user-tokens | --receipts)
        variable=${1#--} && printf -v "${variable//-/_}" yes && shift && continue
        ;;
    esac
    case $1 in
      --project | --region | --folder | --subject | --queue | --bucket | --name | --database | --config | --memory | --cpu | \
        --concurrency | --min-instances | --max-instances | --ingress | --labels | --vpc-network | --vpc-subnet | --vpc-egress | \
        --to | --audit-sink)
        take_value "$@" && variable=${1#--} && printf -v "${variable//-/_}" %s "$value"
        ;;
      --caller) take_value "$@" && callers+=("$value") ;;
      --operator) take_value "$@" && operators+=("$value") ;;
      --source) take_value "$@" && sources+=("$value") ;;
      --dataset) take_value "$@" && datasets+=("$value") ;;
      --sender) take_value "$@" && senders+=("$value") ;;
      *) misused "unknown option \"$1\"." ;;
    esac
    shift 2
  done
}

# matches TEXT PATTERN WHAT: checks the form of a value that becomes part of names, filters or documents.
matches() {
  [[ $1 =~ ^($2)$ ]] || misused "\"$1\" is not a valid $3."
}

is_service_account() { [[ $1 == *.gserviceaccount.com ]]; }

PROJECT_ID='([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]'
PERSON='[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+'

check_people() {
  local each
  for each in "${callers[@]}" ${operators[@]+"${operators[@]}"}; do
    matches "$each" "$PERSON" 'email address'
    [[ $each != *"@$project.iam.gserviceaccount.com" ]] || matches "${each%@*}" '[a-z][a-z0-9-]{4,28}[a-z0-9]' 'service account id (6 to 30 of a-z, 0-9, -)'
    is_service_account "$each" || [ -n "$gcloud_user_tokens" ] ||
      misused "$each is a person, and gcloud cannot issue a token for the courier to people. Use a service account as --caller (or --operator), and let the person impersonate it: --sender user:$each, then \"courier send --impersonate\". Or add --gcloud-user-tokens, which accepts the tokens that gcloud issues for itself."
  done
  [ -z "$gcloud_user_tokens" ] ||
    say 'Warning: --gcloud-user-tokens accepts tokens that gcloud issues for itself. A service that receives such a token can replay it to the courier, and the courier could replay it to others. Use this for testing only.'
  for each in ${senders[@]+"${senders[@]}"}; do
    matches "$each" "(user|group):$PERSON" 'sender: it is user:EMAIL or group:EMAIL'
  done
  for each in "${callers[@]}"; do
    if is_service_account "$each"; then sends_as=$each && break; fi
  done
  [ -n "$sends_as" ] || [ ${#senders[@]} -eq 0 ] || misused '--sender requires a --caller that is a service account: senders impersonate it.'
  [ ${#operators[@]} -gt 0 ] || operators=("${sends_as:-${callers[0]}}")
  # Callers and operators, without duplicates.
  everybody=()
  for each in "${callers[@]}" "${operators[@]}"; do
    [[ " ${everybody[*]-} " == *" $each "* ]] || everybody+=("$each")
  done
}

check_arguments() {
  matches "$project" "$PROJECT_ID" 'project id'
  matches "$region" '[a-z]+-[a-z]+[0-9]+' 'region'
  # Service accounts' ids have at most 30 characters, and this one's end with "-drive".
  matches "$name" '[a-z][a-z0-9-]{2,22}[a-z0-9]' 'name (4 to 24 of a-z, 0-9, -)'
  matches "$database" '\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]' 'Firestore database'
  [ -z "$to" ] || matches "$to" "$name(-events)?-[a-z0-9-]+" "revision of $name"
  [ -z "${COURIER_COMMIT:-}" ] || matches "$COURIER_COMMIT" '[A-Za-z0-9_.-]{1,64}' 'commit (COURIER_COMMIT)'
  [ "$action" = up ] || return 0
  [ -n "$right" ] || misused 'specify how the courier authenticates to Drive: --keyless or --key.'
  matches "$queue" 'push|eventarc|none' 'kind of queue'
  [ -z "$bucket" ] || matches "$bucket" '[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]' 'bucket'
  [ -z "$bucket" ] || [ "$queue" != none ] || misused '--bucket requires a queue.'
  [ -z "$subject" ] || matches "$subject" "$PERSON" 'email address'
  [ -z "$audit_sink" ] || matches "$audit_sink" 'bigquery:[A-Za-z0-9_]{1,1024}|gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]' 'sink: it is bigquery:DATASET or gs://BUCKET'
  [ ${#callers[@]} -gt 0 ] || misused 'specify at least one --caller. Otherwise nobody can send files.'
  check_people
  for each in ${sources[@]+"${sources[@]}"}; do
    matches "$each" 'gs://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]/([^"\*?]*/)?|bigquery://'"$PROJECT_ID"'\.[A-Za-z0-9_]+\.(\*|[^".,`*]+)' 'source (gs://BUCKET/, gs://BUCKET/PREFIX/, bigquery://PROJECT.DATASET.TABLE or bigquery://PROJECT.DATASET.*)'
  done
  for each in ${datasets[@]+"${datasets[@]}"}; do
    matches "$each" "$PROJECT_ID"'\.[A-Za-z0-9_]+' 'dataset (PROJECT.DATASET)'
  done
  [ -z "$receipts" ] || [ -z "$config" ] || misused '--receipts and --config exclude each other: set "receiptTopic" in the configuration.'
  if [ -n "$config" ]; then
    [ -r "$config" ] || misused "$config cannot be read."
  else
    matches "$folder" '[A-Za-z0-9_-]{10,128}' 'folder id; it is the last part of the address that Drive shows for the folder'
  fi
  check_size
}

name_everything() {
  runtime=$name-run@$project.iam.gserviceaccount.com
  writer=$name-drive@$project.iam.gserviceaccount.com
  pusher=$name-push@$project.iam.gserviceaccount.com
  builder=$name-build@$project.iam.gserviceaccount.com
  secret=$name-key
  exports=$name-exports
  failed=$name-failed
  receipt_topic=$name-receipts
  sink=$name-audit
  collection=deliveries
}

read_options() {
  sends_as=''
  read_arguments "$@"
  check_gcloud
  [ -n "$project" ] || project=$(gcloud_setting core/project)
  [ -n "$project" ] || misused 'no project. Pass --project, or set a default for gcloud: gcloud config set project ID'
  [ -n "$region" ] || region=$(gcloud_setting run/region)
  [ -n "$region" ] || misused 'no region. Pass --region, for example --region europe-west1'
  check_arguments
  name_everything
}
