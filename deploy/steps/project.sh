# shellcheck shell=bash
# What has to be there before anything is made.

check_built() {
  dist=$here/../dist
  [ -n "$dry_run" ] || [ -f "$dist/server.js" ] || stop 69 'there is no dist/. Run "npm install" and "npm run build" first.'
}

check_project() {
  if [ -n "$dry_run" ]; then
    number=PROJECT_NUMBER
    return 0
  fi
  account=$(answer gcloud auth list --filter=status:ACTIVE --format='value(account)') || exit
  [ -n "$account" ] || stop 77 'gcloud is not logged in. Run: gcloud auth login'
  number=$(answer gcloud projects describe "$project" --format='value(projectNumber)') || exit
  [ -n "$number" ] || stop 69 "there is no project \"$project\" that $account can see. List yours: gcloud projects list"
}

# Where the service answers: https://cloud.google.com/run/docs/triggering/https-request#deterministic
url_of() { printf 'https://%s-%s.%s.run.app' "$1" "$number" "$region"; }

wanted_apis() {
  printf '%s\n' run cloudbuild artifactregistry iam iamcredentials drive firestore
  if [ "$right" = key ]; then echo secretmanager; fi
  if [ "$queue" != none ]; then echo pubsub; fi
  if [ "$queue" = eventarc ]; then echo eventarc; fi
  if [ -n "$bucket" ]; then echo storage; fi
}

enable_apis() {
  local enabled missing=() api
  enabled=$(answer gcloud services list --enabled --project="$project" --format='value(config.name)') || exit
  for api in $(wanted_apis); do
    case $'\n'"$enabled"$'\n' in
      *$'\n'"$api.googleapis.com"$'\n'*) ;;
      *) missing+=("$api.googleapis.com") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] || change gcloud services enable "${missing[@]}" --project="$project" --quiet
}
