#!/usr/bin/env bash
# Lets one role of an AWS account impersonate a Google service account that may call the courier. Safe to run again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for part in run project accounts; do
  # shellcheck source=/dev/null
  . "$here/steps/$part.sh"
done

usage() {
  cat <<'END'
Usage: deploy/aws/trust-aws.sh --project ID --account AWS_ACCOUNT --role ROLE [--name NAME] [--out FILE] [--dry-run]

  --project ID    Google Cloud project
  --account ID    AWS account: 12 digits
  --role ROLE     name of the role in that account, without its path
  --name NAME     prefix of all names (default: drive-courier)
  --out FILE      path of the credentials file for the caller (default: google-credentials.json); it contains no key
  --dry-run       print every command, and run none
END
}

misused() {
  say "$program: $*"
  usage >&2
  exit 64
}

read_options() {
  project='' aws_account='' role='' name=drive-courier out=google-credentials.json dry_run='' account=''
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) usage && exit 0 ;;
      --dry-run) dry_run=yes && shift && continue ;;
      --project) project=${2:-} ;;
      --account) aws_account=${2:-} ;;
      --role) role=${2:-} ;;
      --name) name=${2:-} ;;
      --out) out=${2:-} ;;
      *) misused "unknown option \"$1\"." ;;
    esac
    [ $# -ge 2 ] || misused "$1 needs a value."
    shift 2
  done
  [[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || misused "\"$project\" is not a valid project ID."
  [[ $aws_account =~ ^[0-9]{12}$ ]] || misused "\"$aws_account\" is not a valid AWS account ID (12 digits)."
  [[ $role =~ ^[A-Za-z0-9+=,.@_-]{1,64}$ ]] || misused "\"$role\" is not a valid role name."
  [[ $name =~ ^[a-z][a-z0-9-]{2,22}[a-z0-9]$ ]] || misused "\"$name\" is not a valid name (4 to 24 of a-z, 0-9, -)."
  pool=$name-aws
  # Ids of pools and providers have 4 to 32 characters.
  provider=aws-provider
  caller=$name-aws@$project.iam.gserviceaccount.com
}

create_pool() {
  local found
  found=$(answer gcloud iam workload-identity-pools describe "$pool" --location=global --project="$project" --format='value(name)') || exit
  [ -n "$found" ] || change gcloud iam workload-identity-pools create "$pool" --location=global --display-name='Callers on AWS' --project="$project" --quiet
}

create_provider() {
  local found
  found=$(answer gcloud iam workload-identity-pools providers describe "$provider" --workload-identity-pool="$pool" --location=global --project="$project" --format='value(name)') || exit
  [ -n "$found" ] || change gcloud iam workload-identity-pools providers create-aws "$provider" --workload-identity-pool="$pool" --location=global --account-id="$aws_account" --project="$project" --quiet
}

# The role can get ID tokens of the caller, and nothing else. Its name has the form that STS uses, not the one of IAM.
allow_role() {
  local member="principalSet://iam.googleapis.com/projects/$number/locations/global/workloadIdentityPools/$pool/attribute.aws_role/arn:aws:sts::$aws_account:assumed-role/$role"
  bind "$member" roles/iam.serviceAccountOpenIdTokenCreator iam service-accounts -- "$caller" --project="$project"
}

# The file tells the client which service account to request ID tokens for.
write_credentials() {
  change gcloud iam workload-identity-pools create-cred-config "projects/$number/locations/global/workloadIdentityPools/$pool/providers/$provider" --aws --enable-imdsv2 --service-account="$caller" --output-file="$out"
}

read_options "$@"
check_gcloud
check_project
enable iam iamcredentials sts
create_account "$caller" 'drive-courier: callers on AWS'
create_pool
create_provider
allow_role
write_credentials
say "The caller is $caller. Run deploy.sh again with --caller $caller, and give the file $out to what runs on AWS."
