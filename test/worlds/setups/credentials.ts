import { closedPort, type World } from '../visit.ts';
import { NO_KEY, NO_PUBSUB } from './expected.ts';

/** Accounts that get no token. */
export const CREDENTIAL_WORLDS: readonly World[] = [
  {
    name: 'the key was revoked',
    arrange: (google) => void google.world.deleteKey(google.world.emails.courier),
    finds: {
      ...NO_PUBSUB,
      token: {
        result: 'failed',
        detail: /deleted or disabled/,
        remedy:
          /^gcloud iam service-accounts keys create key\.json --iam-account=courier@\S+ && gcloud secrets versions add drive-key --project=local-project --data-file=key\.json && rm key\.json$/,
      },
    },
  },
  {
    name: 'the service account is disabled',
    arrange: (google) => void google.world.setServiceAccountDisabled(google.world.emails.courier, true),
    finds: {
      ...NO_PUBSUB,
      token: {
        result: 'failed',
        detail: /was deleted or is disabled/,
        remedy: /^gcloud iam service-accounts enable courier@local-project/,
      },
    },
  },
  {
    name: 'the person’s consent was revoked',
    arrange: (google, document) => {
      google.world.revokeRefreshToken(google.world.emails.alice);
      document.credentials.main = { file: google.world.keyFiles['authorized-user-alice'] };
    },
    finds: {
      ...NO_PUBSUB,
      identity: { result: 'skipped', detail: /key is in a file/ },
      secret: { result: 'skipped', detail: /key is in a file/ },
      token: { result: 'failed', detail: /consent has expired or was revoked/, remedy: /courier login/ },
    },
  },
  {
    name: 'delegation is refused',
    arrange: (google, document) => {
      document.credentials.main = { ...document.credentials.main, subject: google.world.emails.alice };
    },
    finds: {
      ...NO_PUBSUB,
      token: {
        result: 'failed',
        detail: /domain-wide delegation/i,
        remedy:
          /domainwidedelegation.*auth\/drive.*gcloud iam service-accounts describe courier@local-project.*alice@example\.com exists/,
      },
    },
  },
  {
    name: 'impersonation is refused',
    arrange: (google, document) => {
      const { driveWriter, runtime } = google.world.emails;
      google.world.revokeGrant(driveWriter, `serviceAccount:${runtime}`);
      document.credentials.main = { impersonate: driveWriter };
    },
    finds: {
      ...NO_PUBSUB,
      ...NO_KEY,
      token: {
        result: 'failed',
        detail: /not allowed to create tokens/,
        remedy:
          /^gcloud iam service-accounts add-iam-policy-binding drive-writer@\S+ --member=serviceAccount:runtime@\S+ --role=roles\/iam\.serviceAccountTokenCreator$/,
      },
    },
  },
  {
    name: 'the IAM Credentials API is disabled',
    arrange: (google, document) => {
      google.world.disableApi('iamcredentials.googleapis.com');
      document.credentials.main = { impersonate: google.world.emails.driveWriter };
    },
    finds: {
      ...NO_PUBSUB,
      ...NO_KEY,
      token: {
        result: 'failed',
        detail: /Credentials API is disabled/,
        remedy: /^gcloud services enable iamcredentials\.googleapis\.com --project=local-project$/,
      },
    },
  },
  {
    name: 'the courier has no identity of its own',
    arrange: async () => ({ GCE_METADATA_HOST: await closedPort(), NO_GCE_CHECK: 'true' }),
    finds: { ...NO_PUBSUB, identity: { result: 'failed', remedy: /service account|GOOGLE_APPLICATION_CREDENTIALS/ } },
  },
];
