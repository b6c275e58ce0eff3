# shellcheck shell=bash
# Checks the requirements before anything is created.

check_built() {
  dist=$here/../dist
  [ -n "$dry_run" ] || [ -f "$dist/server.js" ] || stop 69 'dist/ does not exist. Run "npm install" and "npm run build" first.'
}

check_project() {
  if [ -n "$dry_run" ]; then
    number=PROJECT_NUMBER
    return 0
  fi
  account=$(answer gcloud auth list --filter=status:ACTIVE --format='value(account)') || exit
  [ -n "$account" ] || stop 77 'gcloud is not logged in. Run: gcloud auth login'
  number=$(answer gcloud projects describe "$project" --format='value(projectNumber)') || exit
  [ -n "$number" ] || stop 69 "$account cannot find the project \"$project\". List your projects: gcloud projects list"
}

# The Node of the project's dev dependencies, or else the installed one.
node_here() {
  local own=$here/../node_modules/.bin/node
  if [ -x "$own" ]; then printf '%s' "$own"; else printf 'node'; fi
}

# Checks the configuration as the service will read it, before anything is created. EX_CONFIG is 78.
check_configuration() {
  local output status=0
  if [ -n "$dry_run" ]; then
    say "Would check the configuration: COURIER_CONFIG=... node dist/server.js --check"
    return 0
  fi
  output=$(COURIER_CONFIG=$(configuration) GOOGLE_CLOUD_PROJECT=$project "$(node_here)" "$dist/server.js" --check 2>&1) || status=$?
  if [ "$status" -ne 0 ]; then
    say "$output"
    [ "$status" -eq 78 ] || stop 69 'the configuration could not be checked, for the reason that "node dist/server.js --check" printed above. Run "npm install" and "npm run build".'
    say "$program: the configuration${config:+ $config} has errors, which are listed above. Nothing was changed."
    exit 78
  fi
  say "$output"
}

# The URL of a service: https://cloud.google.com/run/docs/triggering/https-request#deterministic
url_of() { printf 'https://%s-%s.%s.run.app' "$1" "$number" "$region"; }

wanted_apis() {
  printf '%s\n' cloudresourcemanager run cloudbuild artifactregistry iam iamcredentials drive firestore
  if [ "$right" = key ]; then echo secretmanager; fi
  if [ "$queue" != none ] || needs topic; then echo pubsub; fi
  if [ "$queue" = eventarc ]; then echo eventarc; fi
  if [ -n "$bucket" ] || needs bucket || needs staging; then echo storage; fi
  if needs jobs; then echo bigquery; fi
  if [ -n "$audit_sink" ]; then echo logging; fi
}

# enable NAME...: enables the APIs that are not enabled yet.
enable() {
  local enabled missing=() api
  enabled=$(answer gcloud services list --enabled --project="$project" --format='value(config.name)') || exit
  for api in "$@"; do
    case $'\n'"$enabled"$'\n' in
      *$'\n'"$api.googleapis.com"$'\n'*) ;;
      *) missing+=("$api.googleapis.com") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] || change gcloud services enable "${missing[@]}" --project="$project" --quiet
}

enable_apis() {
  # shellcheck disable=SC2046
  enable $(wanted_apis)
}
