/** The accounts and names of the default world. */
export const PROJECT = { id: 'local-project', number: '123456789012' } as const;

const serviceAccountEmail = (name: string): string => `${name}@${PROJECT.id}.iam.gserviceaccount.com`;

export const EMAILS = {
  /** Writes to Drive; its key is in Secret Manager. */
  courier: serviceAccountEmail('courier'),
  /** Calls the courier. */
  exporter: serviceAccountEmail('exporter'),
  /** Calls the courier, but no policy allows it to. */
  stranger: serviceAccountEmail('stranger'),
  /** Impersonated; has no key. */
  driveWriter: serviceAccountEmail('drive-writer'),
  /** The platform's own identity, of which the metadata server mints tokens. */
  runtime: serviceAccountEmail('runtime'),
  pubsubPush: serviceAccountEmail('pubsub-push'),
  alice: 'alice@example.com',
  bob: 'bob@example.com',
  ops: 'ops@example.com',
  sales: 'sales@example.com',
} as const;

export const APIS = [
  'drive.googleapis.com',
  'sheets.googleapis.com',
  'secretmanager.googleapis.com',
  'iamcredentials.googleapis.com',
  'sts.googleapis.com',
  'storage.googleapis.com',
  'pubsub.googleapis.com',
  'bigquery.googleapis.com',
] as const;

export const CLOUD_PLATFORM = 'https://www.googleapis.com/auth/cloud-platform';
export const DRIVE = 'https://www.googleapis.com/auth/drive';

/** A push subscription, by which tests and the demo send messages to the courier. */
export const SUBSCRIPTION = `projects/${PROJECT.id}/subscriptions/exports`;

export const SECRET = 'drive-key';

const POOL = `projects/${PROJECT.number}/locations/global/workloadIdentityPools/local-pool`;
export const FEDERATION = {
  pool: POOL,
  awsProvider: `//iam.googleapis.com/${POOL}/providers/local-aws`,
  oidcProvider: `//iam.googleapis.com/${POOL}/providers/local-oidc`,
} as const;

/** A role session of an AWS account, as returned by `sts:GetCallerIdentity`. */
export const AWS = {
  account: '111122223333',
  role: 'report-exporter',
  arn: 'arn:aws:sts::111122223333:assumed-role/report-exporter/local-session',
  accessKeyId: 'ASIALOCALEXAMPLEKEY1',
  secretAccessKey: 'local/secret/access/key/for/the/report/exporter',
  sessionToken: 'local-session-token-of-the-report-exporter',
} as const;
