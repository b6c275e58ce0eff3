import { createServer } from 'node:http';
import type { SubscriptionInput } from '../../local/google/pubsub/subscriptions.ts';
import type { LocalGoogle } from '../../local/google/server.ts';
import { DRIVE } from '../../local/google/world/names.ts';
import { createForeignFolder } from '../support/foreign-folder.ts';
import { AUDIENCE, closedPort, type Document, type World } from './visit.ts';

const SECRET = 'drive-key';
const NOT_ASKED = { probe: { result: 'skipped', detail: /--write/ } } as const;
const NOT_ON_CLOUD_RUN = {
  invoker: { result: 'skipped', detail: /identity: id-token.*checks signatures itself/ },
} as const;
const NO_SUBSCRIPTIONS = { subscriptions: { result: 'skipped', detail: /No subscription/ } } as const;
const NO_PUBSUB = {
  ...NOT_ON_CLOUD_RUN,
  ...NO_SUBSCRIPTIONS,
  pubsub: { result: 'skipped', detail: /No subscription/ },
} as const;
const EVENTS = { ...NOT_ASKED, ...NOT_ON_CLOUD_RUN, ...NO_SUBSCRIPTIONS };
const QUIET = { ...NOT_ASKED, ...NO_PUBSUB };
const NO_KEY = {
  secret: { result: 'skipped', detail: /No key/ },
  key: { result: 'skipped', detail: /No key/ },
} as const;

const REPORTED_TOPIC = 'projects/local-project/topics/no-such-topic';

const SHARE =
  /Share the folder https:\/\/drive\.google\.com\/drive\/folders\/[\w-]+ with courier@local-project\.iam\.gserviceaccount\.com as Content manager/;
const ADD_VERSION = /^gcloud secrets versions add drive-key --project=local-project --data-file=key\.json/;

/**
 * A Firestore that authenticates the caller and denies access, in the error format of Google's REST APIs, on its own
 * port.
 */
const refusingFirestore = async (): Promise<string> => {
  const server = createServer((request, response) => {
    request.resume();
    const error = { code: 403, message: 'Missing or insufficient permissions.', status: 'PERMISSION_DENIED' };
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
};

const SUBSCRIPTION = 'projects/local-project/subscriptions/exports';

/** A subscription as the courier needs it, except for `change`. */
const queue = (google: LocalGoogle, document: Document, change: Partial<SubscriptionInput> = {}): undefined => {
  const serviceAccount = google.world.emails.pubsubPush;
  document.pubsub = {
    subscriptions: { [SUBSCRIPTION]: { serviceAccount, destinations: ['reports'] } },
    deadLetterTopic: google.topic,
  };
  const wish = {
    name: SUBSCRIPTION,
    topic: 'projects/local-project/topics/exports',
    pushConfig: pushing({ serviceAccountEmail: serviceAccount, audience: AUDIENCE }),
    ackDeadlineSeconds: 600,
    expirationPolicy: {},
    deadLetterPolicy: { deadLetterTopic: google.topic, maxDeliveryAttempts: 20 },
  };
  google.pubsub.createSubscription({ ...wish, ...change }, [google.world.emails.runtime]);
};

const pushing = (oidcToken: { serviceAccountEmail: string; audience?: string }, pushEndpoint = ENDPOINT) => ({
  pushEndpoint,
  oidcToken,
});

const ENDPOINT = `${AUDIENCE}/v1/pubsub`;

/** Without Firestore this is always reported for a queue. */
const QUEUE = {
  ...NOT_ASKED,
  ...NOT_ON_CLOUD_RUN,
  pubsub: {
    result: 'warned',
    detail: /subscriptions\/exports.*ledger is in memory/,
    remedy: /firestore databases create/,
  },
} as const;

const PUSH =
  /^gcloud pubsub subscriptions update exports --project=local-project --push-endpoint=https:\/\/courier\.example\/v1\/pubsub --push-auth-service-account=pubsub-push@local-project\.iam\.gserviceaccount\.com --push-auth-token-audience=https:\/\/courier\.example$/;

const ON_CLOUD_RUN = {
  ...QUIET,
  ledger: {
    result: 'warned',
    detail: /in memory: a retry that reaches another instance/,
    remedy: /firestore databases create/,
  },
} as const;

/** Each setup is broken in one way, and the doctor must report exactly that. */
export const WORLDS: readonly World[] = [
  {
    name: 'downloads are to be forbidden by an account that is no manager',
    arrange(_, document) {
      document.destinations.reports.readOnly = true;
      document.destinations.reports.noDownload = true;
      return undefined;
    },
    write: true,
    finds: {
      ...NO_PUBSUB,
      probe: {
        result: 'failed',
        detail: /readOnly, noDownload could not be set/,
        remedy: /manager of the shared drive/,
      },
    },
  },
  {
    name: 'files are to be read-only, which the account may set',
    arrange(_, document) {
      document.destinations.reports.readOnly = true;
      return undefined;
    },
    write: true,
    finds: NO_PUBSUB,
  },
  {
    name: 'a label that is not published',
    arrange(_, document) {
      document.destinations.reports.labels = { unpublished: { field: 'text' } };
      return undefined;
    },
    write: true,
    finds: { ...NO_PUBSUB, probe: { result: 'failed', detail: /labels could not be set/, remedy: /published/ } },
  },
  {
    name: 'writers are to be kept from sharing in a shared drive',
    arrange(_, document) {
      document.destinations.reports.writersCanShare = false;
      return undefined;
    },
    finds: {
      ...QUIET,
      sharing: { result: 'failed', detail: /only in My Drive/, remedy: /settings of the shared drive/ },
    },
  },
  {
    name: 'retention, which is only looked at',
    arrange(_, document) {
      document.destinations.reports.keep = { last: 3 };
      return undefined;
    },
    finds: { ...QUIET, retention: { result: 'passed', detail: /of 0 files.*none to the trash/ } },
  },
  { name: 'healthy', finds: QUIET },
  { name: 'healthy, and asked to write', write: true, finds: NO_PUBSUB },
  {
    // A Content manager may not share the root of a shared drive, which is correct: it may share the files.
    name: 'healthy, into the top of a shared drive',
    arrange: (google, document) => {
      document.destinations.reports.folder = google.places.sharedDrive;
    },
    finds: QUIET,
  },
  {
    name: 'healthy, without a key',
    arrange: (google, document) => {
      document.credentials.main = { impersonate: google.world.emails.driveWriter };
    },
    finds: { ...QUIET, ...NO_KEY },
  },
  {
    name: 'healthy, with the platform’s own identity',
    arrange: (_, document) => {
      document.credentials.main = { adc: true };
    },
    finds: { ...QUIET, ...NO_KEY },
  },
  {
    name: 'healthy, on behalf of a person in her own folder',
    arrange: (google, document) => {
      google.world.delegate(google.world.emails.courier, [DRIVE]);
      document.credentials.main = { ...document.credentials.main, subject: google.world.emails.alice };
      document.destinations.reports.folder = google.places.myDriveFolder;
    },
    finds: QUIET,
  },
  {
    name: 'the folder does not exist',
    arrange: (_, document) => {
      document.destinations.reports.folder = '0AbCdEfGhIjKlMnOp';
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /does not exist, or is not shared with courier@/, remedy: SHARE },
    },
  },
  {
    name: 'the folder is not shared',
    arrange: (google, document) => {
      document.destinations.reports.folder = google.places.unsharedFolder;
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /does not exist, or is not shared with courier@/, remedy: SHARE },
    },
  },
  {
    name: 'the folder is shared to be read only',
    arrange: (google, document) => {
      const { ops, courier } = google.world.emails;
      const members = [
        { email: ops, role: 'organizer' as const },
        { email: courier, role: 'reader' as const },
      ];
      document.destinations.reports.folder = google.drive.createSharedDrive({ name: 'Handbooks', members });
      document.destinations.reports.share = [];
    },
    finds: {
      ...NO_PUBSUB,
      ...NOT_ASKED,
      writable: { result: 'failed', detail: /courier@.* can only read/, remedy: SHARE },
      sharing: { result: 'skipped', detail: /No sharing/ },
    },
  },
  {
    name: 'the folder is in My Drive, where a service account has no storage',
    arrange: (google, document) => {
      document.destinations.reports.folder = google.places.myDriveFolder;
    },
    finds: {
      ...QUIET,
      storage: { result: 'failed', detail: /has no storage/, remedy: /shared drive.*credentials\.main\.subject/ },
    },
  },
  {
    name: 'the person’s storage is full',
    arrange: (google, document) => {
      const { alice } = google.world.emails;
      google.drive.putFile({ name: 'large', bytes: 'x'.repeat(2_000), owner: alice });
      google.drive.setStorageLimit(alice, 1_000);
      document.credentials.main = { file: google.world.keyFiles['authorized-user-alice'] };
      document.destinations.reports.folder = google.places.myDriveFolder;
    },
    finds: {
      ...QUIET,
      identity: { result: 'skipped', detail: /key is in a file/ },
      secret: { result: 'skipped', detail: /key is in a file/ },
      storage: {
        result: 'failed',
        detail: /storage of alice@example\.com: 0\.0 GB/,
        remedy: /Free or buy storage for alice/,
      },
    },
  },
  {
    name: 'the folder is a file',
    arrange: (google, document) => {
      const parent = google.places.sharedDriveFolder;
      document.destinations.reports.folder = google.drive.putFile({ name: 'a.csv', bytes: 'a', parent });
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /is a file, not a folder/, remedy: /destinations\.reports\.folder/ },
    },
  },
  {
    name: 'the folder is of a shared drive that the account is no member of',
    arrange: (google, document) => {
      document.destinations.reports.folder = createForeignFolder(google);
    },
    finds: {
      ...QUIET,
      search: {
        result: 'warned',
        detail: /courier@\S+ is not a member of the shared drive \S+; only the folder is shared with it/,
        remedy: /^Add courier@\S+ to the members of the shared drive as Content manager: https:\/\/drive\.google\.com/,
      },
    },
  },
  {
    name: 'the folder is of a drive that the account is no member of, and the doctor is asked to write',
    write: true,
    arrange: (google, document) => {
      document.destinations.reports.folder = createForeignFolder(google);
    },
    finds: { ...NO_PUBSUB, search: { result: 'warned', detail: /is not a member/, remedy: /Content manager/ } },
  },
  {
    name: 'Drive does not search completely',
    arrange: (google, document) => {
      document.destinations.reports.folder = createForeignFolder(google);
      google.drive.setLimits({ leavesDrivesOut: true });
    },
    finds: {
      ...QUIET,
      search: { result: 'failed', detail: /incompleteSearch/, remedy: /member of the shared drive/ },
    },
  },
  {
    name: 'the folder has limited access',
    arrange: (google) => void google.drive.setLimitedAccess(google.places.sharedDriveFolder, true),
    finds: {
      ...QUIET,
      folder: {
        result: 'failed',
        detail: /"Exports" has limited access: courier@\S+ sees it through a parent folder, but cannot open it/,
        remedy: SHARE,
      },
    },
  },
  {
    name: 'the folder is in a folder with limited access',
    arrange: (google, document) => {
      const { sharedDriveFolder } = google.places;
      document.destinations.reports.folder = google.drive.createFolder({ name: '2026', parent: sharedDriveFolder });
      google.drive.setLimitedAccess(sharedDriveFolder, true);
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /does not exist, or is not shared with courier@/, remedy: SHARE },
    },
  },
  {
    name: 'healthy, by a shortcut to the folder',
    write: true,
    arrange: (google, document) => {
      const { sharedDrive, sharedDriveFolder: target } = google.places;
      const shortcut = google.drive.createShortcut({ name: 'to exports', target, parent: sharedDrive });
      document.destinations.reports.folder = shortcut;
    },
    finds: { ...NO_PUBSUB, folder: { result: 'passed', detail: /"Exports", through the shortcut "to exports"/ } },
  },
  {
    name: 'the folder is a shortcut to a file',
    arrange: (google, document) => {
      const parent = google.places.sharedDrive;
      const target = google.drive.putFile({ name: 'a.csv', bytes: 'a', parent });
      document.destinations.reports.folder = google.drive.createShortcut({ name: 'to a file', target, parent });
    },
    finds: {
      ...QUIET,
      folder: {
        result: 'failed',
        detail: /is a shortcut to a file, not a folder/,
        remedy: /destinations\.reports\.folder/,
      },
    },
  },
  {
    name: 'the folder is a shortcut to a folder that is not shared',
    arrange: (google, document) => {
      const { sharedDrive: parent, unsharedFolder: target } = google.places;
      document.destinations.reports.folder = google.drive.createShortcut({ name: 'to private', target, parent });
    },
    finds: { ...QUIET, folder: { result: 'failed', detail: /does not exist, or is not shared/, remedy: SHARE } },
  },
  {
    name: 'the folder is in the trash',
    arrange: (google) => void google.drive.setTrashed(google.places.sharedDriveFolder, true),
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /"Exports" is in the trash/, remedy: /Restore it: https/ },
    },
  },
  {
    name: 'the account may add files, and perhaps not share them',
    arrange: (google, document) => {
      const { ops, courier } = google.world.emails;
      const members = [
        { email: ops, role: 'organizer' as const },
        { email: courier, role: 'writer' as const },
      ];
      const drive = google.drive.createSharedDrive({ name: 'Contributions', members });
      document.destinations.reports.folder = google.drive.createFolder({ name: 'Reports', parent: drive });
    },
    finds: { ...QUIET, sharing: { result: 'warned', detail: /cannot share this folder/, remedy: /Content manager/ } },
  },
  {
    name: 'the account may put files, and not take them away',
    write: true,
    arrange: (google, document) => {
      const { ops, courier } = google.world.emails;
      const members = [
        { email: ops, role: 'organizer' as const },
        { email: courier, role: 'writer' as const },
      ];
      document.destinations.reports.folder = google.drive.createSharedDrive({ name: 'Contributions', members });
      document.destinations.reports.share = [];
    },
    finds: {
      ...NO_PUBSUB,
      sharing: { result: 'skipped', detail: /No sharing/ },
      probe: { result: 'warned', detail: /cannot remove it/, remedy: /https:\/\/drive\.google\.com\/file\/d\// },
    },
  },
  {
    name: 'files are shared with everybody',
    arrange: (_, document) => {
      document.destinations.reports.allowAnyone = true;
      document.destinations.reports.share = [{ type: 'anyone', role: 'reader' }];
    },
    finds: {
      ...QUIET,
      configuration: { result: 'warned', detail: /anyone on the internet/, remedy: /remove "anyone"/ },
    },
  },
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
  {
    name: 'the ledger does not answer',
    arrange: async (_, document) => {
      document.ledger = { firestore: { project: 'local-project' } };
      return { FIRESTORE_EMULATOR_HOST: await closedPort() };
    },
    finds: {
      ...QUIET,
      ledger: {
        result: 'failed',
        detail: /does not answer/,
        remedy: /gcloud firestore databases describe --database='\(default\)' --project=local-project/,
      },
    },
  },
  {
    name: 'the courier may not use the ledger',
    arrange: async (_, document) => {
      document.ledger = { firestore: { project: 'local-project' } };
      return { FIRESTORE_EMULATOR_HOST: await refusingFirestore() };
    },
    finds: {
      ...QUIET,
      ledger: {
        result: 'failed',
        remedy:
          /gcloud projects add-iam-policy-binding local-project --member=serviceAccount:runtime@\S+ --role=roles\/datastore\.user/,
      },
    },
  },
  {
    name: 'the clock is ten minutes slow',
    googleAheadMs: 600_000,
    finds: {
      ...QUIET,
      clock: { result: 'failed', detail: /^The clock is (599|60[01]) s behind Google's/, remedy: /set-ntp true/ },
    },
  },
  {
    name: 'the clock is ten minutes fast',
    googleAheadMs: -600_000,
    finds: {
      ...NO_PUBSUB,
      clock: {
        result: 'failed',
        detail: /^The clock is (599|60[01]) s ahead of Google's/,
        remedy: /timedatectl set-ntp true/,
      },
      token: { result: 'failed', detail: /clock is off/, remedy: /Synchronize the clock/ },
    },
  },
  {
    name: 'the clock is two minutes fast',
    googleAheadMs: -120_000,
    finds: {
      ...QUIET,
      clock: { result: 'warned', detail: /^The clock is 1(19|2[01]) s ahead of Google's/, remedy: /timedatectl/ },
    },
  },
  {
    name: 'a queue before a ledger in memory',
    arrange: (google, document) => queue(google, document),
    finds: QUEUE,
  },
  {
    name: 'events without a place for dead letters',
    arrange: (_, document) => {
      document.pubsub = { eventDestinations: ['reports'] };
    },
    finds: { ...EVENTS, pubsub: { result: 'warned', detail: /only logged/, remedy: /gcloud pubsub topics create/ } },
  },
  {
    name: 'the topic for dead letters does not exist',
    arrange: (_, document) => {
      document.pubsub = { eventDestinations: ['reports'], deadLetterTopic: REPORTED_TOPIC };
    },
    finds: {
      ...EVENTS,
      pubsub: {
        result: 'failed',
        detail: /no-such-topic does not exist, or the courier is not allowed to publish/,
        remedy:
          /^gcloud pubsub topics create no-such-topic --project=local-project; gcloud pubsub topics add-iam-policy-binding no-such-topic --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/pubsub\.publisher/,
      },
    },
  },
  {
    name: 'Pub/Sub does not say who may publish',
    arrange: (google, document) => {
      google.world.disableApi('pubsub.googleapis.com');
      document.pubsub = { eventDestinations: ['reports'], deadLetterTopic: google.topic };
    },
    finds: {
      ...EVENTS,
      pubsub: { result: 'warned', detail: /It is unknown whether/, remedy: /topics get-iam-policy/ },
    },
  },
  {
    name: 'the subscription does not exist',
    arrange: (google, document) => {
      queue(google, document);
      const { emails } = google.world;
      google.world.grantOnProject(`serviceAccount:${emails.runtime}`, 'roles/pubsub.viewer');
      document.pubsub = {
        subscriptions: { [`${SUBSCRIPTION}-2`]: { serviceAccount: emails.pubsubPush, destinations: ['reports'] } },
        deadLetterTopic: google.topic,
      };
    },
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /^projects\/local-project\/subscriptions\/exports-2 does not exist\.$/,
        remedy:
          /^gcloud pubsub subscriptions create exports-2 --project=local-project --topic=TOPIC --push-endpoint=https:\/\/courier\.example\/v1\/pubsub .*--push-auth-token-audience=https:\/\/courier\.example --ack-deadline=600 --expiration-period=never --dead-letter-topic=projects\/local-project\/topics\/exports-failed --max-delivery-attempts=20; and allow Pub\/Sub's own account .*; or correct its name/,
      },
    },
  },
  {
    name: 'the courier is not allowed to read the subscription',
    arrange: (google, document) => {
      queue(google, document);
      document.pubsub = JSON.parse(JSON.stringify(document.pubsub).replaceAll('/exports"', '/exports-2"'));
    },
    finds: {
      ...QUEUE,
      pubsub: { ...QUEUE.pubsub, detail: /ledger is in memory/ },
      subscriptions: {
        result: 'skipped',
        detail:
          /^Not checked: runtime@local-project\S+ is not allowed to read projects\/\S+\/exports-2, or it does not exist\./,
        remedy:
          /^gcloud pubsub subscriptions describe exports-2 --project=local-project; gcloud pubsub subscriptions add-iam-policy-binding exports-2 --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/pubsub\.viewer$/,
      },
    },
  },
  {
    name: 'Pub/Sub does not answer for the subscription',
    arrange: (google, document) => {
      queue(google, document);
      google.faults.add({
        host: 'pubsub.googleapis.com',
        path: '/v1/projects/local-project/subscriptions/*',
        fault: { kind: 'status', status: 400 },
      });
    },
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'skipped',
        detail: /^Not checked: Pub\/Sub does not answer for/,
        remedy: /^gcloud pubsub subscriptions describe exports --project=local-project$/,
      },
    },
  },
  {
    name: 'the Pub/Sub API is off',
    arrange: (google, document) => {
      queue(google, document);
      google.world.disableApi('pubsub.googleapis.com');
    },
    finds: {
      ...QUEUE,
      pubsub: { result: 'warned', detail: /It is unknown whether/ },
      subscriptions: {
        result: 'skipped',
        detail: /^Not checked: the Pub\/Sub API is disabled/,
        remedy: /^gcloud services enable pubsub\.googleapis\.com --project=local-project$/,
      },
    },
  },
  {
    name: 'the subscription is pulled',
    arrange: (google, document) => queue(google, document, { pushConfig: {} }),
    finds: { ...QUEUE, subscriptions: { result: 'failed', detail: /exports does not push\.$/, remedy: PUSH } },
  },
  {
    name: 'the subscription pushes to another route',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: pushing({ serviceAccountEmail: google.world.emails.pubsubPush, audience: AUDIENCE }, AUDIENCE),
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports pushes to https:\/\/courier\.example instead of \/v1\/pubsub\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription pushes to another service',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: pushing(
          { serviceAccountEmail: google.world.emails.pubsubPush, audience: AUDIENCE },
          'https://other.example/v1/pubsub',
        ),
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'warned',
        detail: /exports pushes to other\.example, which is not in "audiences"\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription pushes without a token',
    arrange: (google, document) => queue(google, document, { pushConfig: { pushEndpoint: ENDPOINT } }),
    finds: {
      ...QUEUE,
      subscriptions: { result: 'failed', detail: /exports pushes without a token/, remedy: PUSH },
    },
  },
  {
    name: 'the subscription pushes as somebody else',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: pushing({ serviceAccountEmail: google.world.emails.stranger, audience: AUDIENCE }),
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports pushes as stranger@\S+ instead of pubsub-push@\S+\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription’s tokens are for its endpoint, which is no audience',
    arrange: (google, document) =>
      queue(google, document, { pushConfig: pushing({ serviceAccountEmail: google.world.emails.pubsubPush }) }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports makes tokens for https:\/\/courier\.example\/v1\/pubsub, which is not in "audiences"\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription pushes bare messages',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: {
          ...pushing({ serviceAccountEmail: google.world.emails.pubsubPush, audience: AUDIENCE }),
          noWrapper: {},
        },
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports pushes without the wrapper/,
        remedy: /^gcloud pubsub subscriptions update exports --project=local-project --clear-push-no-wrapper-config$/,
      },
    },
  },
  {
    name: 'the subscription has Pub/Sub’s own times, and no place for dead letters',
    arrange: (google, document) =>
      queue(google, document, {
        ackDeadlineSeconds: 10,
        expirationPolicy: { ttl: '2678400s' },
        deadLetterPolicy: undefined,
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'warned',
        detail:
          /deadline of 10 s, .* 600 s; it has no dead-letter policy, .*; it is deleted after 31 days without use\.$/,
        remedy:
          /^gcloud pubsub subscriptions update exports --project=local-project --ack-deadline=600 --dead-letter-topic=projects\/local-project\/topics\/exports-failed --max-delivery-attempts=20 --expiration-period=never; and allow Pub\/Sub's own account to publish there/,
      },
    },
  },
  {
    name: 'the subscription’s topic was deleted',
    arrange: (google, document) => queue(google, document, { topic: '_deleted-topic_' }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports no longer receives messages: its topic was deleted\. Messages that it still holds/,
        remedy:
          /^gcloud pubsub subscriptions delete exports --project=local-project; gcloud pubsub subscriptions create/,
      },
    },
  },
  {
    name: 'objects may come from a bucket that the courier may read',
    arrange: (google, document) => {
      document.destinations.reports.sources = [`gs://${google.bucket}/`, `gs://${google.bucket}/in/`];
    },
    finds: {
      ...QUIET,
      sources: { result: 'passed', detail: /^Objects may come from gs:\/\/[\w-]+\/, gs:\/\/[\w-]+\/in\/\.$/ },
    },
  },
  {
    name: 'a bucket whose readers pay, and no project that does',
    arrange: async (google, document) => {
      const readers = [google.world.emails.runtime];
      await google.storage.createBucket('payers-bucket', { readers, requesterPays: true });
      document.destinations.reports.sources = ['gs://payers-bucket/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'failed',
        detail: /gs:\/\/payers-bucket is a requester-pays bucket/,
        remedy: /userProject.*gcloud projects add-iam-policy-binding PROJECT --member=serviceAccount:runtime@/,
      },
    },
  },
  {
    name: 'healthy, with a bucket whose readers pay',
    arrange: async (google, document) => {
      const { emails, project } = google.world;
      google.world.grantOnProject(`serviceAccount:${emails.runtime}`, 'roles/serviceusage.serviceUsageConsumer');
      await google.storage.createBucket('payers-bucket', { readers: [emails.runtime], requesterPays: true });
      document.destinations.reports.sources = ['gs://payers-bucket/'];
      document.userProject = project.id;
      return undefined;
    },
    finds: { ...QUIET, sources: { result: 'passed', detail: /gs:\/\/payers-bucket\// } },
  },
  {
    name: 'objects may come from a bucket that the courier may not read',
    arrange: async (google, document) => {
      await google.storage.createBucket('local-vault');
      document.destinations.reports.sources = ['gs://local-vault/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'failed',
        detail: /The courier cannot read gs:\/\/local-vault\.$/,
        remedy:
          /^gcloud storage buckets add-iam-policy-binding gs:\/\/local-vault --member=serviceAccount:\S+ --role=roles\/storage\.objectViewer$/,
      },
    },
  },
  {
    name: 'objects may come from a folder of a bucket, of which the courier may perhaps read no more',
    arrange: async (google, document) => {
      await google.storage.createBucket('local-vault');
      document.destinations.reports.sources = ['gs://local-vault/ready/'];
      return undefined;
    },
    finds: {
      ...QUIET,
      sources: {
        result: 'warned',
        detail: /cannot read all of gs:\/\/local-vault\. .* gs:\/\/local-vault\/ready\/ is known only when/,
      },
    },
  },
  {
    name: 'a subscription brings objects from a bucket that does not exist',
    arrange: (google, document) => {
      queue(google, document);
      const pubsub = document.pubsub as { subscriptions: Record<string, Record<string, unknown>> };
      Object.assign(pubsub.subscriptions[SUBSCRIPTION] ?? {}, { sources: ['gs://no-such-bucket/'] });
    },
    finds: {
      ...QUEUE,
      sources: {
        result: 'failed',
        detail: /The bucket gs:\/\/no-such-bucket does not exist\.$/,
        remedy: /under "sources"/,
      },
    },
  },
  {
    name: 'on Cloud Run, which refuses strangers',
    onCloudRun: true,
    finds: {
      ...ON_CLOUD_RUN,
      invoker: { result: 'passed', detail: /rejects requests to http:\/\/127\.0\.0\.1:\d+ / },
    },
  },
  {
    name: 'on Cloud Run, which lets everybody in',
    onCloudRun: true,
    arrange: (_, __, frontEnd) => void frontEnd.open(),
    finds: {
      ...ON_CLOUD_RUN,
      invoker: {
        result: 'failed',
        detail:
          /accepts unauthenticated requests at http:\/\/127\.0\.0\.1:\d+, and with "identity: cloud-run-iam" anybody can claim/,
        remedy:
          /^gcloud run services remove-iam-policy-binding drive-courier --region=REGION --project=local-project --member=allUsers --role=roles\/run\.invoker; gcloud run services update drive-courier --region=REGION --project=local-project --invoker-iam-check; until then/,
      },
    },
  },
  {
    name: 'on Cloud Run, whose address does not answer',
    onCloudRun: true,
    arrange: async (_, document) => {
      document.audiences = [AUDIENCE, `http://${await closedPort()}`];
      return undefined;
    },
    finds: {
      ...ON_CLOUD_RUN,
      invoker: {
        result: 'warned',
        detail:
          /^It is unknown whether Cloud Run rejects unauthenticated requests: http:\/\/127\.0\.0\.1:\d+: it does not answer \(ECONNREFUSED\)\.$/,
        remedy:
          /^gcloud run services get-iam-policy drive-courier --region=REGION --project=local-project; gcloud run services describe drive-courier/,
      },
    },
  },
  {
    name: 'configured for Cloud Run, and not there',
    arrange: (_, document) => {
      document.identity = 'cloud-run-iam';
    },
    finds: {
      ...QUIET,
      invoker: { result: 'skipped', detail: /not Cloud Run, so the courier checks signatures itself/ },
    },
  },
];
