#!/bin/sh
# Makes a Cloud Scheduler job that has the courier put the newest export of a bucket into Drive every morning.
#
#   COURIER_URL=https://courier-xyz.a.run.app COURIER_ACCOUNT=exporter@my-proj.iam.gserviceaccount.com ./create-job.sh
#
# The destination must list the object's folder: sources: [gs://my-exports/daily/]
#
# "onConflict": "replace" keeps it one file, with one link: each morning gives it new content.
set -eu

url=${COURIER_URL:?Set COURIER_URL to the address of the courier}
account=${COURIER_ACCOUNT:?Set COURIER_ACCOUNT to a service account that is among the callers}

gcloud scheduler jobs create http export-orders \
  --location=europe-west3 \
  --schedule="0 6 * * 1-5" \
  --time-zone=Europe/Berlin \
  --uri="$url/v1/exports" \
  --http-method=POST \
  --headers=Content-Type=application/json \
  --message-body='{"name": "orders.csv", "onConflict": "replace", "source": {"gcs": "gs://my-exports/daily/orders.csv"}}' \
  --oidc-service-account-email="$account" \
  --oidc-token-audience="$url" \
  --attempt-deadline=300s \
  --max-retry-attempts=5
