import { expect, test } from '@jest/globals';
import type { Bearer } from '../../../src/bearer.ts';
import { createLibraryOptions } from '../../../src/credentials/google-library.ts';
import { callIam } from '../../../src/credentials/impersonation/iam-credentials.ts';
import { createSecretReader } from '../../../src/credentials/secret-manager.ts';
import { CourierError } from '../../../src/errors.ts';
import { type QueryRun, runQuery } from '../../../src/exports/bigquery/job.ts';
import { listObjects } from '../../../src/exports/prefix/list-objects.ts';
import { openObject } from '../../../src/exports/sources/cloud-storage.ts';
import { deleteObject } from '../../../src/exports/sources/delete-object.ts';
import type { GoogleTransport } from '../../../src/google/transport.ts';
import { createFirestoreDocuments } from '../../../src/ledger/firestore-documents.ts';
import { createDeadLetters } from '../../../src/pubsub/dead-letter.ts';
import { createPublishAgain } from '../../../src/pubsub/publish.ts';

/** Google refuses everything that the courier asks for with its own identity. */

const EMAIL = 'courier@my-proj.iam.gserviceaccount.com';
const REFUSAL = JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED', message: 'no' } });
const answer = { status: 403, headers: {}, body: Buffer.from(REFUSAL) };
const transport = { send: async () => answer } as unknown as GoogleTransport;
const fetch: typeof globalThis.fetch = async () =>
  new Response(REFUSAL, { status: 403, headers: { 'content-type': 'application/json' } });
const log = { warn: () => undefined, error: () => undefined } as never;
const { signal } = new AbortController();
const object = { bucket: 'reports', object: 'a.csv', generation: undefined };
const message = { id: '1', data: Buffer.from(''), attributes: {} } as never;

type Refused = (bearer: Bearer & { email(): Promise<string | undefined> }) => Promise<unknown>;

const CASES: [string, string, Refused][] = [
  [
    'a secret',
    'roles/secretmanager.secretAccessor on projects/p/secrets/s/versions/1',
    async ({ token, email }) => {
      const { PassThroughClient } = await import('google-auth-library');
      const authClient = async () => new PassThroughClient(await createLibraryOptions({ fetch }));
      return createSecretReader({ token, email, authClient })('projects/p/secrets/s/versions/1');
    },
  ],
  [
    'an account to impersonate',
    'roles/iam.serviceAccountTokenCreator on writer@p.iam.gserviceaccount.com',
    (bearer) =>
      callIam({ transport, ...bearer, now: Date.now } as never, {
        method: 'generateAccessToken',
        target: 'writer@p.iam.gserviceaccount.com',
        body: {},
        answer: {} as never,
      }),
  ],
  ['an object', 'roles/storage.objectViewer on gs://reports', (bearer) => openObject({ transport, ...bearer }, object)],
  [
    'a list of objects',
    'roles/storage.objectViewer on gs://reports',
    (bearer) => listObjects({ transport, ...bearer }, { bucket: 'reports', prefix: 'x/' }).next(),
  ],
  [
    'the deletion of an object',
    'roles/storage.objectUser on gs://reports',
    (bearer) => deleteObject({ transport, ...bearer }, object),
  ],
  [
    'a query',
    'roles/bigquery.jobUser on the project of the query',
    (bearer) => {
      const config = { sql: 'SELECT 1', project: 'p', location: 'EU', maximumBytesBilled: null, timeoutSeconds: null };
      const run = { name: 'q', config, parameters: [], jobPrefix: 'x', waitUntilMs: Infinity, signal };
      const project = async () => 'p';
      const dependencies = { transport, ...bearer, project, now: Date.now } as never;
      return runQuery(dependencies, run as unknown as QueryRun, async () => true);
    },
  ],
  [
    'the dead-letter topic',
    'roles/pubsub.publisher on projects/p/topics/failed',
    (bearer) =>
      createDeadLetters({ transport, ...bearer, topic: 'projects/p/topics/failed', log })(
        message,
        new CourierError('name-invalid'),
      ),
  ],
  [
    'the topic of a subscription',
    'roles/pubsub.viewer on projects/p/subscriptions/s',
    (bearer) =>
      createPublishAgain({ transport, ...bearer, subscriptions: {} })(
        { origin: 'projects/p/subscriptions/s', signal },
        [],
      ),
  ],
  [
    'a topic',
    'roles/pubsub.publisher on projects/p/topics/exports',
    (bearer) =>
      createPublishAgain({ transport, ...bearer, subscriptions: {} })(
        { origin: 'projects/p/topics/exports', signal },
        [],
      ),
  ],
  [
    'the ledger',
    'roles/datastore.user on p',
    (bearer) => {
      const config = { project: 'p', database: '(default)', collection: 'c', ttlDays: 1 };
      return createFirestoreDocuments({ config, project: async () => 'p', fetch, log, ...bearer }).read('k');
    },
  ],
];

test.each(CASES)('the refusal of %s names the account and the resource', async (_, grant, refused) => {
  const bearer = { token: async () => 'token', account: () => EMAIL, email: async () => EMAIL };
  await expect(refused(bearer)).rejects.toMatchObject({
    remedy: expect.stringContaining(`rant ${EMAIL} ${grant}`),
    facts: { courier: EMAIL },
  });
});

test.each(CASES)('the refusal of %s says that the email is not known', async (_, __, refused) => {
  const unknown = async (): Promise<string> => {
    throw new Error('no metadata server');
  };
  const bearer = { token: async () => 'token', account: () => undefined, email: unknown };
  await expect(refused(bearer)).rejects.toMatchObject({
    remedy: expect.stringMatching(/rant the courier's service account \(its email is not known here\) roles\//),
  });
});
