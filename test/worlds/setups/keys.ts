import type { World } from '../visit.ts';
import { NO_PUBSUB } from './expected.ts';

const SECRET = 'drive-key';
const ADD_VERSION = /^gcloud secrets versions add drive-key --project=local-project --data-file=key\.json/;

/** The secret, and the key in it. */
export const KEY_WORLDS: readonly World[] = [
  {
    name: 'the secret does not exist',
    arrange: (google) => {
      const { runtime } = google.world.emails;
      google.world.grantOnProject(`serviceAccount:${runtime}`, 'roles/secretmanager.secretAccessor');
      google.world.secrets.remove(SECRET);
    },
    finds: { ...NO_PUBSUB, secret: { result: 'failed', detail: /does not exist/, remedy: ADD_VERSION } },
  },
  {
    name: 'the version of the secret is disabled',
    arrange: (google, document) => {
      google.world.secrets.setState(SECRET, 1, 'DISABLED');
      document.credentials.main.secret = `${google.world.secret}/versions/1`;
    },
    finds: {
      ...NO_PUBSUB,
      secret: {
        result: 'failed',
        detail: /disabled or destroyed/,
        remedy: /gcloud secrets versions enable 1 --secret=drive-key --project=local-project$/,
      },
    },
  },
  {
    name: 'the courier may not read the secret',
    arrange: (google) => void google.world.secrets.deny(SECRET, google.world.emails.runtime),
    finds: {
      ...NO_PUBSUB,
      secret: {
        result: 'failed',
        detail: /not allowed to read the secret.*does not exist/,
        remedy:
          /^gcloud secrets add-iam-policy-binding drive-key --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/secretmanager\.secretAccessor$/,
      },
    },
  },
  {
    name: 'the Secret Manager API is off',
    arrange: (google) => void google.world.disableApi('secretmanager.googleapis.com'),
    finds: {
      ...NO_PUBSUB,
      secret: {
        result: 'failed',
        detail: /Secret Manager API is disabled in the project\.$/,
        remedy: /^gcloud services enable secretmanager\.googleapis\.com --project=local-project$/,
      },
    },
  },
  {
    name: 'the secret arrives damaged',
    arrange: (google) => void google.world.secrets.corrupt(SECRET, 1),
    finds: { ...NO_PUBSUB, secret: { result: 'failed', detail: /checksum does not match/, remedy: ADD_VERSION } },
  },
  {
    name: 'the secret is not JSON',
    arrange: (google) => void google.world.secrets.addVersion(SECRET, Buffer.from('-----BEGIN PRIVATE KEY-----')),
    finds: { ...NO_PUBSUB, key: { result: 'failed', detail: /it is not JSON/, remedy: ADD_VERSION } },
  },
  {
    name: 'the secret is of a wrong type',
    arrange: (google) => {
      const { type: _, ...key } = google.world.keyFile(google.world.emails.courier);
      google.world.secrets.addVersion(SECRET, Buffer.from(JSON.stringify({ ...key, type: 'gdch_service_account' })));
    },
    finds: {
      ...NO_PUBSUB,
      key: { result: 'failed', detail: /"type" is not one of service_account/, remedy: ADD_VERSION },
    },
  },
  {
    name: 'half a key file',
    arrange: (google) => {
      const { private_key: _, ...key } = google.world.keyFile(google.world.emails.courier);
      google.world.secrets.addVersion(SECRET, Buffer.from(JSON.stringify(key)));
    },
    finds: { ...NO_PUBSUB, key: { result: 'failed', detail: /"private_key"/, remedy: ADD_VERSION } },
  },
  {
    name: 'the mounted key file is missing',
    arrange: (_, document) => {
      document.credentials.main = { file: '/nonexistent/drive-key.json' };
    },
    finds: {
      ...NO_PUBSUB,
      identity: { result: 'skipped', detail: /key is in a file/ },
      secret: { result: 'skipped', detail: /key is in a file/ },
      key: { result: 'failed', detail: /cannot be read \(ENOENT\)/, remedy: /Mount the credentials file/ },
    },
  },
];
