import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { linesOf, zipOf } from '../../support/archives.ts';
import { type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** Many files of one request below a path with placeholders. */

const TOPIC = 'projects/local-project/topics/exports';
const EVENING_MS = Date.UTC(2026, 10, 28, 23, 59);
/** Less than the lifetime of tokens. */
const LATER_MS = 90_000;
const startedMs = Date.now();
const NOW = new Date(startedMs).toISOString().slice(11, 19).replace(':', '.').replace(':', '/');

let google: LocalGoogle;
let courier: RunningCourier;
let laterMs = 0;

beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails } = google.world;
  google.pubsub.createTopic(TOPIC, [emails.runtime]);
  courier = await startCourier(google, {
    onCloudRun: true,
    now: () => startedMs + laterMs,
    document: {
      destinations: {
        reports: {
          ...{ folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
          ...{ path: 'at/{time:HH.mm/ss}', sources: [`gs://${google.bucket}/out/`] },
        },
      },
      pubsub: {
        subscriptions: {
          [SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['reports'], topic: TOPIC },
        },
      },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});

const post = async (path: string, body: string | Uint8Array, headers: Record<string, string>) => {
  const init = { method: 'POST', body: body as NonNullable<RequestInit['body']>, headers };
  const response = await courier.ask(google.world.emails.exporter, path, init);
  return { status: response.status, text: await response.text() };
};
const pathsIn = (answer: { text: string }) =>
  linesOf(answer)
    .filter((line) => 'path' in line)
    .map(({ path, outcome }) => `${outcome} ${path}`)
    .sort();

const ZIP = zipOf([
  { name: 'a.txt', bytes: 'a' },
  { name: '{date}/{caller}.txt', bytes: 'b' },
]);
const unpack = () =>
  post('/v1/files?unpack=zip', ZIP, { 'content-type': 'application/zip', 'idempotency-key': 'archive-with-date' });

test('the entries of an archive are put there; their own names have no placeholders; a later retry finds them', async () => {
  expect(pathsIn(await unpack())).toEqual([`created at/${NOW}`, `created at/${NOW}/{date}`]);
  laterMs = LATER_MS;
  try {
    expect(pathsIn(await unpack())).toEqual([`replayed at/${NOW}`, `replayed at/${NOW}/{date}`]);
  } finally {
    laterMs = 0;
  }
});

test('the objects below a prefix are put there; a later retry finds them', async () => {
  for (const name of ['p/a.csv', 'p/sub/b.csv']) await google.storage.putObject(google.bucket, `out/${name}`, name);
  const document = JSON.stringify({ source: { gcsPrefix: `gs://${google.bucket}/out/p/` } });
  const ask = () => post('/v1/exports', document, { 'content-type': 'application/json' });
  expect(pathsIn(await ask())).toEqual([`created at/${NOW}`, `created at/${NOW}/sub`]);
  laterMs = LATER_MS;
  try {
    expect(pathsIn(await ask())).toEqual([`replayed at/${NOW}`, `replayed at/${NOW}/sub`]);
  } finally {
    laterMs = 0;
  }
});

test('a message about a prefix means the time at which it was published', async () => {
  await google.storage.putObject(google.bucket, 'out/q/c.csv', gzipSync('c'));
  const before = google.pubsub.published.length;
  const data = Buffer.from(JSON.stringify({ source: { gcsPrefix: `gs://${google.bucket}/out/q/` } })).toString(
    'base64',
  );
  const message = { data, messageId: 'prefix-1', publishTime: new Date(EVENING_MS).toISOString() };
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ message, subscription: SUBSCRIPTION });
  const pushed = await courier.ask(google.world.emails.pubsubPush, '/v1/pubsub', { method: 'POST', headers, body });
  expect(pushed.status).toBe(204);
  const paths = google.pubsub.published
    .slice(before)
    .map((each) => (JSON.parse(each.data.toString()) as { path: string }).path);
  expect(paths).toEqual(['at/23.59/00']);
});
