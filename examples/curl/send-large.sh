#!/bin/sh
# Sends a file of any size to Google Drive with curl: the courier opens an upload session, the bytes go straight to Drive,
# and the courier checks them. Run it again after an interruption: with the same key, it resumes where it stopped.
#
#   COURIER_URL=https://courier-xyz.a.run.app COURIER_ACCOUNT=exporter@my-proj.iam.gserviceaccount.com ./send-large.sh backup.zip
#
# Needs curl, jq and sha256sum. COURIER_TOKEN, an ID token, is used in place of gcloud's if it is set.
set -eu

file=${1:?Usage: send-large.sh FILE [KEY]}
url=${COURIER_URL:?Set COURIER_URL to the address of the courier}
size=$(stat -c %s "$file")
sha256=$(sha256sum "$file" | cut -d ' ' -f 1)
# The same bytes under the same name are the same delivery.
key=${2:-large-$(printf '%s\n%s' "$(basename "$file")" "$sha256" | sha256sum | cut -d ' ' -f 1)}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

token() {
  if [ -n "${COURIER_TOKEN:-}" ]; then
    printf %s "$COURIER_TOKEN"
  else
    gcloud auth print-identity-token --audiences="${COURIER_AUDIENCE:-$url}" --include-email \
      ${COURIER_ACCOUNT:+--impersonate-service-account="$COURIER_ACCOUNT"}
  fi
}

# courier PATH BODY: a call of the courier. The token goes through a pipe, so no other user of the machine sees it.
courier() {
  printf 'header = "Authorization: Bearer %s"\n' "$(token)" |
    curl --config - --silent --show-error --fail-with-body --retry 5 \
      --header 'Content-Type: application/json' --header "Idempotency-Key: $key" --data-binary "$2" "$url$1"
}

# How many bytes Drive has: 308 with "Range: bytes=0-LAST", or without Range for none; 200 or 201 for all of them.
# https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable
stored() {
  status=$(curl --silent --show-error --request PUT --header "Content-Range: bytes */$size" --header 'Content-Length: 0' \
    --dump-header "$answer" --output /dev/null --write-out '%{http_code}' "$session") || return 1
  case $status in
    308) sed -n 's/^[Rr]ange:.*0-\([0-9]*\).*/\1/p' "$answer" | awk '{ last = $1 + 1 } END { print last + 0 }' ;;
    # Drive also forgets sessions that ended well; the courier knows which it was.
    200 | 201 | 404 | 410) echo "$size" ;;
    *) return 1 ;;
  esac
}

opened=$(courier /v1/uploads "$(jq -n --arg name "$(basename "$file")" --argjson size "$size" \
  --arg mimeType "${COURIER_MEDIA_TYPE:-application/octet-stream}" '{$name, $size, $mimeType}')") || { printf '%s\n' "$opened" >&2 && exit 1; }
session=$(printf %s "$opened" | jq -r .uploadUrl)
id=$(printf %s "$opened" | jq -r .id)

tries=0
until at=$(stored) && [ "$at" -ge "$size" ]; do
  tries=$((tries + 1))
  [ "$tries" -le 20 ] || { echo "send-large: interrupted too often; run it again to resume" >&2 && exit 75; }
  [ "$tries" -eq 1 ] || sleep "${COURIER_WAIT_SECONDS:-5}"
  # --continue-at sends the rest of the file, with its position in Content-Range.
  case ${at:-} in
    '') continue ;;
    0) curl --silent --show-error --header 'Expect:' --upload-file "$file" --output /dev/null "$session" || true ;;
    *) curl --silent --show-error --header 'Expect:' --continue-at "$at" --upload-file "$file" --output /dev/null "$session" || true ;;
  esac
done

# Drive's SHA-256 is compared with this one; what differs is removed and answered with digest-mismatch.
courier "/v1/uploads/$id/complete" "$(jq -n --arg sha256 "$sha256" '{$sha256}')"
