# shellcheck shell=bash
# How gcloud is run: what changes something is printed first; what fails is explained; --dry-run runs nothing at all.

say() { printf '%s\n' "$*" >&2; }

# stop CODE TEXT: 69 something is missing, 77 something is not allowed, 1 anything else (sysexits.h)
stop() {
  local code=$1
  shift
  say "deploy.sh: $*"
  exit "$code"
}

AGAIN='Then run the same command again: what is done already stays as it is.'

check_gcloud() {
  [ -z "$dry_run" ] || return 0
  command -v gcloud >/dev/null 2>&1 ||
    stop 69 'gcloud is not installed. See https://cloud.google.com/sdk/docs/install, or use --dry-run to see the commands.'
}

gcloud_setting() {
  [ -z "$dry_run" ] || return 0
  gcloud config get-value "$1" --quiet 2>/dev/null | grep -v '^(unset)$' || true
}

# What went wrong, in words that say what to do; gcloud's own come first.
explain() {
  local text=$1
  say "$text"
  case $text in
    *[Bb]illing*) stop 69 "project $project has no billing account. Link one: https://console.cloud.google.com/billing/linkedaccount?project=$project $AGAIN" ;;
    *disableServiceAccountKeyCreation* | *'Key creation is not allowed'*)
      stop 77 'your organization forbids keys of service accounts. Use --keyless instead of --key.'
      ;;
    *'has not been used in project'* | *SERVICE_DISABLED*) stop 69 "an API has only just been turned on. Wait a minute. $AGAIN" ;;
    *PERMISSION_DENIED* | *'does not have permission'* | *'Permission '*denied* | *'403'*)
      stop 77 "${account:-your account} may not do this in project $project. Ask an owner of the project to do it, or to give you the role that is missing (roles/owner has all of them). $AGAIN"
      ;;
    *'Reauthentication'* | *'do not currently have an active account'* | *'invalid_grant'*) stop 77 'gcloud is not logged in. Run: gcloud auth login' ;;
  esac
  stop 1 "gcloud failed; it says why above. $AGAIN"
}

# As a shell would read it back.
print_command() {
  local quoted
  printf -v quoted '%q ' "$@"
  printf '%s\n' "${quoted% }"
}

# change COMMAND...: changes something.
change() {
  local problem
  print_command "$@"
  [ -z "$dry_run" ] || return 0
  if ! problem=$("$@" 2>&1 >/dev/null); then explain "$problem"; fi
}

# An account that was made a moment ago is not known everywhere at once.
PAUSE_SECONDS=${DEPLOY_PAUSE_SECONDS:-5}
change_patiently() {
  local problem turn
  print_command "$@"
  [ -z "$dry_run" ] || return 0
  for turn in 1 2 3 4 5 6; do
    if problem=$("$@" 2>&1 >/dev/null); then return 0; fi
    case $problem in
      *'does not exist'* | *'NOT_FOUND'* | *'Service account'*'not'*) [ "$turn" = 6 ] || sleep "$PAUSE_SECONDS" ;;
      *) break ;;
    esac
  done
  explain "$problem"
}

# answer COMMAND...: what a command that changes nothing says; empty when there is no such thing. A dry run knows nothing.
answer() {
  local said problem
  [ -z "$dry_run" ] || return 0
  if said=$("$@" 2>"$scratch/problem"); then
    printf '%s' "$said"
    return 0
  fi
  problem=$(cat "$scratch/problem")
  case $problem in
    # Google answers so for what may be there but may not be seen, too; in this project that is a missing role.
    *PERMISSION_DENIED* | *'does not have permission'*) explain "$problem" ;;
    *NOT_FOUND* | *'not found'* | *'annot find'* | *'could not be found'* | *'does not exist'*) return 0 ;;
  esac
  explain "$problem"
}

# holds POLICY ROLE MEMBER, of a policy that was asked for as lines "ROLE<tab>MEMBER"
holds() { [[ $'\n'$1$'\n' == *$'\n'"$2"$'\t'"$3"$'\n'* ]]; }
AS_LINES=(--flatten='bindings[].members' --format='value(bindings.role,bindings.members)')

# bind MEMBER ROLE GROUP... -- RESOURCE [FLAG...]: gives a role, unless it is given already.
bind() {
  local member=$1 role=$2 group=() held
  shift 2
  while [ "$1" != -- ]; do group+=("$1") && shift; done
  shift
  held=$(answer gcloud "${group[@]}" get-iam-policy "$@" "${AS_LINES[@]}") || exit
  if holds "$held" "$role" "$member"; then return 0; fi
  change_patiently gcloud "${group[@]}" add-iam-policy-binding "$@" --member="$member" --role="$role" ${condition[@]+"${condition[@]}"} --quiet
}

# On a project a binding must say that it has no condition, or gcloud asks.
bind_on_project() {
  local condition=("--condition=${3:-None}")
  bind "$1" "$2" projects -- "$project"
}
