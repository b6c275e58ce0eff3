#!/bin/sh
# Sends a file with curl, as a service account that gcloud may act as.
#
#   COURIER_URL=https://courier-xyz.a.run.app COURIER_ACCOUNT=exporter@my-proj.iam.gserviceaccount.com ./send.sh report.csv
#
# Without COURIER_ACCOUNT, gcloud's active service account is used (gcloud auth activate-service-account).
set -eu

file=$1
url=${COURIER_URL:?Set COURIER_URL to the address of the courier}
audience=${COURIER_AUDIENCE:-$url}
name=$(basename "$file")
# The same file under the same name is the same delivery, however often this runs.
key=$({ printf '%s\n' "$name"; cat "$file"; } | sha256sum | cut -d ' ' -f 1)

if [ -n "${COURIER_ACCOUNT:-}" ]; then
  # --include-email: without it the courier knows its caller only by number.
  token=$(gcloud auth print-identity-token --audiences="$audience" --include-email \
    --impersonate-service-account="$COURIER_ACCOUNT")
else
  token=$(gcloud auth print-identity-token --audiences="$audience")
fi

# The token goes by standard input, so that no process list shows it. --retry is safe: the key makes it one file.
printf 'header = "Authorization: Bearer %s"\n' "$token" |
  curl --config - --silent --show-error --fail-with-body --retry 5 \
    --header "Content-Type: ${COURIER_TYPE:-application/octet-stream}" \
    --header "Idempotency-Key: $key" \
    --data-binary "@$file" \
    --url-query "name=$name" \
    "$url/v1/files"
echo
