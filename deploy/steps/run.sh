# shellcheck shell=bash
# Runs gcloud: commands that change something are printed first, failures are explained, and --dry-run runs nothing.

program=${0##*/}

say() { printf '%s\n' "$*" >&2; }

# stop CODE TEXT: 69 something is missing, 77 something is not allowed, 1 anything else (sysexits.h)
stop() {
  local code=$1
  shift
  say "$program: $*"
  exit "$code"
}

AGAIN='Then run the same command again: it skips the steps that are done.'

check_gcloud() {
  [ -z "$dry_run" ] || return 0
  command -v gcloud >/dev/null 2>&1 ||
    stop 69 'gcloud is not installed. See https://cloud.google.com/sdk/docs/install, or use --dry-run to see the commands.'
}

gcloud_setting() {
  [ -z "$dry_run" ] || return 0
  gcloud config get-value "$1" --quiet 2>/dev/null | grep -v '^(unset)$' || true
}

# Prints gcloud's own message, and then what to do about it.
explain() {
  local text=$1
  say "$text"
  case $text in
    *[Bb]illing*) stop 69 "project $project has no billing account. Link one: https://console.cloud.google.com/billing/linkedaccount?project=$project $AGAIN" ;;
    *disableServiceAccountKeyCreation* | *'Key creation is not allowed'*)
      stop 77 'your organization does not allow service-account keys. Use --keyless instead of --key.'
      ;;
    *'startup probe'*)
      stop 1 "the new revision is not ready, so it gets no traffic, and the revision before it keeps serving. Its log shows what /v1/ready found: gcloud logging read 'resource.labels.service_name=\"${name:-SERVICE}\"' --project=$project --freshness=30m --limit=20. A folder that is not shared yet is the usual reason. $AGAIN"
      ;;
    *"Invalid choice: 'policies'"* | *"Invalid choice: 'channels'"*)
      stop 69 'this gcloud is too old for alert policies. Run "gcloud components update" (or upgrade the package google-cloud-cli). '"$AGAIN"
      ;;
    *PERMISSION_DENIED* | *'does not have permission'* | *'Permission '*denied* | *'403'*)
      stop 77 "${account:-your account} lacks a permission in project $project. Ask an owner of the project to run this command, or to grant you the missing role (roles/owner has all permissions). $AGAIN"
      ;;
    *'Reauthentication'* | *'do not currently have an active account'* | *'invalid_grant'*) stop 77 'gcloud is not logged in. Run: gcloud auth login' ;;
  esac
  stop 1 "gcloud failed, for the reason that it printed above. $AGAIN"
}

# Prints a command quoted for the shell.
print_command() {
  local quoted
  printf -v quoted '%q ' "$@"
  printf '%s\n' "${quoted% }"
}

PAUSE_SECONDS=${DEPLOY_PAUSE_SECONDS:-10}
# For tests: replaces every limit below.
LIMIT_SECONDS=${DEPLOY_PATIENCE_SECONDS:-}

# is_settling TEXT: true for errors that Google returns while a new resource or role is not active everywhere yet.
# Sets `reason` to the explanation, and `limit_seconds` to the number of seconds that this can take.
is_settling() {
  case $1 in
    *'Cannot find metric'*) reason='Monitoring does not know a new metric yet' limit_seconds=900 ;;
    *'Eventarc Service Agent'*) reason='Google is still setting up Eventarc in this project' limit_seconds=600 ;;
    *storage.objects.get* | *artifactregistry.repositories.* | *'caller does not have permission to act as'*)
      reason='the role of the build account is not known everywhere yet' limit_seconds=600
      ;;
    *'has not been used in project'* | *SERVICE_DISABLED*) reason='an API that was enabled a moment ago is not ready yet' limit_seconds=600 ;;
    # The answer for a new account is the same as for a missing role: "denied on service account … (or it may not exist)".
    *iam.service[aA]ccounts.*'may not exist'*)
      reason='a service account that was created a moment ago is not known everywhere yet' limit_seconds=120
      ;;
    *'Service account service-'*'does not exist'*) reason='Google is still creating its own account for this project' limit_seconds=600 ;;
    *'does not exist'* | *NOT_FOUND* | *'Service account'*'not'*) reason='a resource that was created a moment ago is not known everywhere yet' limit_seconds=120 ;;
    *) return 1 ;;
  esac
  limit_seconds=${LIMIT_SECONDS:-$limit_seconds}
}

# attempt COMMAND...: runs the command, and repeats it while is_settling. The output is in $scratch/output; on failure it
# prints why.
attempt() {
  local problem started=$SECONDS reported='' reason='' limit_seconds=0 waited
  while ! "$@" >"$scratch/output" 2>"$scratch/problem"; do
    problem=$(cat "$scratch/problem")
    if ! is_settling "$problem"; then
      printf '%s' "$problem"
      return 1
    fi
    waited=$((SECONDS - started))
    if [ "$waited" -ge "$limit_seconds" ]; then
      printf '%s\n' "$problem" "Waited $((waited / 60)) minutes because $reason."
      return 1
    fi
    # Reports the wait at the beginning, and then every minute.
    if [ "$reported" != "$((waited / 60))" ]; then
      reported=$((waited / 60))
      say "Waiting: $reason. It can take up to $((limit_seconds / 60)) minutes; $waited seconds so far."
    fi
    sleep "$PAUSE_SECONDS"
  done
}

# change COMMAND...: changes something.
change() {
  local problem
  print_command "$@"
  [ -z "$dry_run" ] || return 0
  problem=$(attempt "$@") || explain "$problem"
}

# answer COMMAND...: the output of a command that changes nothing. Empty if the resource does not exist, and in a dry run.
answer() {
  local output problem
  [ -z "$dry_run" ] || return 0
  if output=$("$@" 2>"$scratch/problem"); then
    printf '%s' "$output"
    return 0
  fi
  problem=$(cat "$scratch/problem")
  case $problem in
    *'has not been used in project'* | *SERVICE_DISABLED* | *iam.service[aA]ccounts.*'may not exist'*)
      problem=$(attempt "$@") || explain "$problem"
      cat "$scratch/output"
      return 0
      ;;
    # Google gives the same answer for resources that exist and are not visible; in this project that means a missing role.
    *PERMISSION_DENIED* | *'does not have permission'*) explain "$problem" ;;
    *NOT_FOUND* | *'not found'* | *'annot find'* | *'could not be found'* | *'does not exist'*) return 0 ;;
  esac
  explain "$problem"
}

# holds POLICY ROLE MEMBER: whether a policy in lines "ROLE<tab>MEMBER" has this binding
holds() { [[ $'\n'$1$'\n' == *$'\n'"$2"$'\t'"$3"$'\n'* ]]; }
AS_LINES=(--flatten='bindings[].members' --format='value(bindings.role,bindings.members)')

# bind MEMBER ROLE GROUP... -- RESOURCE [FLAG...]: grants a role unless the member has it already.
bind() {
  local member=$1 role=$2 group=() held
  shift 2
  while [ "$1" != -- ]; do group+=("$1") && shift; done
  shift
  held=$(answer gcloud "${group[@]}" get-iam-policy "$@" "${AS_LINES[@]}") || exit
  if holds "$held" "$role" "$member"; then return 0; fi
  change gcloud "${group[@]}" add-iam-policy-binding "$@" --member="$member" --role="$role" ${condition[@]+"${condition[@]}"} --quiet
}

# A binding on a project needs --condition=None. Without it, gcloud asks for a condition.
bind_on_project() {
  local condition=("--condition=${3:-None}")
  bind "$1" "$2" projects -- "$project"
}
