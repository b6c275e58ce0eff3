import { DRIVE } from '../../../local/google/world/names.ts';
import type { World } from '../visit.ts';
import { NO_KEY, NO_PUBSUB, QUIET, SHARE } from './expected.ts';

/** The Drive API, and the scopes of the token. */
export const DRIVE_API_WORLDS: readonly World[] = [
  {
    name: 'the Drive API is off',
    arrange: (google) => void google.world.disableApi('drive.googleapis.com'),
    finds: {
      ...NO_PUBSUB,
      'drive-api': {
        result: 'failed',
        detail: /Drive API is disabled/,
        remedy: /^gcloud services enable drive\.googleapis\.com --project=local-project$/,
      },
    },
  },
  {
    name: 'Drive does not answer',
    arrange: (google) =>
      void google.faults.add({ host: 'www.googleapis.com', path: '/drive/*', fault: { kind: 'status', status: 503 } }),
    finds: { ...NO_PUBSUB, 'drive-api': { result: 'failed', detail: /Drive is unavailable/, remedy: /status/ } },
  },
  {
    name: 'the token has no Drive scope to write with',
    arrange: (_, document) => {
      document.credentials.main = { ...document.credentials.main, scopes: [`${DRIVE}.readonly`] };
    },
    finds: {
      ...NO_PUBSUB,
      scope: {
        result: 'failed',
        detail: /drive\.readonly/,
        remedy: /credentials\.main\.scopes to \[https:\/\/www\.googleapis\.com\/auth\/drive\]/,
      },
    },
  },
  {
    name: 'the scope reaches only what the account has made itself',
    arrange: (_, document) => {
      document.credentials.main = { ...document.credentials.main, scopes: [`${DRIVE}.file`] };
    },
    finds: {
      ...QUIET,
      scope: {
        result: 'warned',
        detail: /only to files that the account created/,
        remedy: /credentials\.main\.scopes/,
      },
      folder: { result: 'failed', detail: /scopes may also be too narrow/, remedy: SHARE },
    },
  },
  {
    name: 'a platform that ignores scopes',
    arrange: (google, document) => {
      google.world.setMetadata({ honoursScopes: false });
      document.credentials.main = { adc: true };
    },
    finds: {
      ...NO_PUBSUB,
      ...NO_KEY,
      scope: {
        result: 'failed',
        detail: /cloud-platform/,
        remedy: /impersonate: runtime@.*gcloud iam service-accounts add-iam-policy-binding runtime@/,
      },
    },
  },
];
