import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** Checks which Cloud Storage objects may go where, for every way to request one. */

const BARE_SUBSCRIPTION = 'projects/local-project/subscriptions/bare';
const VAULT = 'local-vault';

let google: LocalGoogle;
let courier: RunningCourier;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails } = google.world;
  const { sharedDriveFolder: folder } = google.places;
  // The courier itself can read both buckets. What it delivers depends only on its configuration.
  await google.storage.createBucket(VAULT, { readers: [emails.runtime, emails.courier] });
  await google.storage.putObject(VAULT, 'salaries.csv', 'a,b\r\n');
  for (const name of ['open/a.csv', 'open-private/a.csv', 'pushed/a.csv']) {
    await google.storage.putObject(google.bucket, name, 'a,b\r\n');
  }
  courier = await startCourier(google, {
    onCloudRun: true,
    document: {
      destinations: {
        sales: { folder, credentials: 'main', callers: [emails.exporter], sources: [`gs://${google.bucket}/open/`] },
        none: { folder, credentials: 'main', callers: [emails.exporter] },
      },
      pubsub: {
        subscriptions: {
          [SUBSCRIPTION]: {
            serviceAccount: emails.pubsubPush,
            destinations: ['sales', 'none'],
            sources: [`gs://${google.bucket}/pushed/`],
          },
          [BARE_SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['sales', 'none'] },
        },
        deadLetterTopic: google.topic,
      },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});
beforeEach(() => google.calls.clear());

const storageCalls = () => google.calls.list({ host: 'storage.googleapis.com' });
const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

const exportTo = async (destination: string, gcs: string, rest: object = {}, email?: string) => {
  const response = await courier.ask(email ?? google.world.emails.exporter, '/v1/exports', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ destination, name: 'x.csv', source: { gcs }, ...rest }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  const { requestId: _, ...problem } = answer;
  return { status: response.status, problem, headers: Object.fromEntries(response.headers) };
};

describe('an export over HTTP', () => {
  test('delivers what the destination lists', async () => {
    expect((await exportTo('sales', `gs://${google.bucket}/open/a.csv`)).status).toBe(201);
  });

  test.each([
    ['another bucket', () => `gs://${VAULT}/salaries.csv`],
    ['a name that only begins the same', () => `gs://${google.bucket}/open-private/a.csv`],
    ['what a subscription may bring, but callers may not', () => `gs://${google.bucket}/pushed/a.csv`],
    ['a way out of the folder', () => `gs://${google.bucket}/open/../open-private/a.csv`],
    ['the folder by its encoded name', () => `gs://${google.bucket}/open%2Fa.csv`],
  ])('does not look up %s, and responds as for a missing object', async (_, name) => {
    const gcs = name();
    const refused = await exportTo('sales', gcs);
    expect(storageCalls()).toEqual([]);
    const missing = await exportTo('sales', `gs://${google.bucket}/open/missing.csv`);
    expect(storageCalls()).toHaveLength(1);
    expect(refused).toMatchObject({ status: 502, problem: { code: 'source-not-found' } });
    const detail = String(missing.problem.detail).replace(`gs://${google.bucket}/open/missing.csv`, gcs);
    expect(refused.problem).toEqual({ ...missing.problem, detail });
    expect(Object.keys(refused.headers)).toEqual(Object.keys(missing.headers));
  });

  test('responds the same for a generation, with a key, and for a file with that name', async () => {
    const { generation } = await google.storage.putObject(VAULT, 'again.csv', 'a\r\n');
    for (const wanted of [`gs://${VAULT}/again.csv#${generation}`, `gs://${VAULT}/again.csv#1`]) {
      const { status, problem } = await exportTo('sales', wanted, { idempotencyKey: wanted });
      expect([status, problem.code]).toEqual([502, 'source-not-found']);
    }
    expect(storageCalls()).toEqual([]);
  });

  test('delivers nothing if no sources are listed', async () => {
    const { status, problem } = await exportTo('none', `gs://${google.bucket}/open/a.csv`);
    expect([status, problem.code]).toEqual([502, 'source-not-found']);
    expect(storageCalls()).toEqual([]);
  });

  test('returns 403 without a lookup to callers that have no destination', async () => {
    const { stranger } = google.world.emails;
    const answers = await Promise.all(
      ['sales', 'none', 'nowhere'].flatMap((destination) =>
        [
          `gs://${google.bucket}/open/a.csv`,
          `gs://${google.bucket}/open/missing.csv`,
          `gs://${VAULT}/salaries.csv`,
        ].map(async (gcs) => (await exportTo(destination, gcs, {}, stranger)).problem),
      ),
    );
    expect(new Set(answers.map((problem) => JSON.stringify(problem))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 403, code: 'destination-forbidden' });
    expect(storageCalls()).toEqual([]);
  });
});

describe.each([SUBSCRIPTION, BARE_SUBSCRIPTION])('a push of %s', (subscription) => {
  let count = 0;
  const push = (message: { data?: object; attributes?: Record<string, string> }): Promise<number> =>
    pushMessage(google, {
      url: courier.url,
      audience: AUDIENCE,
      subscription,
      serviceAccount: google.world.emails.pubsubPush,
      message: {
        messageId: `${subscription}-${++count}`,
        data: Buffer.from(JSON.stringify(message.data ?? {})).toString('base64'),
        ...(message.attributes === undefined ? {} : { attributes: message.attributes }),
      },
    });
  const document = (name: string, gcs: string, destination = 'none') => ({
    data: { destination, name, source: { gcs } },
  });
  const notice = (objectId: string, bucketId = google.bucket) => ({
    attributes: { eventType: 'OBJECT_FINALIZE', bucketId, objectId, destination: 'none' },
  });
  const isListed = subscription === SUBSCRIPTION;

  test(`delivers what its subscription lists: ${isListed}`, async () => {
    const name = `pushed-${isListed}.csv`;
    for (const each of [name, `d-${name}`]) await google.storage.putObject(google.bucket, `pushed/${each}`, 'a\r\n');
    const status = isListed ? 204 : 503;
    expect(await push(document(`d-${name}`, `gs://${google.bucket}/pushed/d-${name}`))).toBe(status);
    expect(await push(notice(`pushed/${name}`))).toBe(status);
    expect([filesNamed(name).length, filesNamed(`d-${name}`).length]).toEqual(isListed ? [1, 1] : [0, 0]);
    if (!isListed) expect(storageCalls()).toEqual([]);
  });

  test('delivers what the destination lists', async () => {
    const name = `by-destination-${isListed}.csv`;
    await google.storage.putObject(google.bucket, `open/${name}`, 'a\r\n');
    expect(await push(document(name, `gs://${google.bucket}/open/${name}`, 'sales'))).toBe(204);
    expect(filesNamed(name)).toHaveLength(1);
  });

  test('is retried without a lookup for an object that neither lists, as for a missing one', async () => {
    const messages = [
      document('salaries.csv', `gs://${VAULT}/salaries.csv`, 'sales'),
      document('private.csv', `gs://${google.bucket}/open-private/a.csv`, 'sales'),
      notice('salaries.csv', VAULT),
      notice('open/a.csv'),
    ];
    for (const message of messages) expect(await push(message)).toBe(503);
    expect(storageCalls()).toEqual([]);
    expect(filesNamed('salaries.csv')).toEqual([]);
  });

  test('fails permanently before any lookup if the subscription may not use the destination', async () => {
    const before = google.pubsub.published.length;
    expect(await push(document('x.csv', `gs://${google.bucket}/open/a.csv`, 'nowhere'))).toBe(204);
    expect(google.pubsub.published.slice(before)).toMatchObject([
      { attributes: { courierCode: 'destination-forbidden' } },
    ]);
    expect(storageCalls()).toEqual([]);
  });
});
