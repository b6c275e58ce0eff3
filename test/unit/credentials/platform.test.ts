import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { createPlatform } from '../../../src/credentials/runtime/platform.ts';

let google: LocalGoogle;
let nowMs: number;
let asked: string[];
/** What the metadata server responds, if anything. */
let instead: (() => Promise<Response>) | undefined;
beforeAll(async () => {
  google = await startLocalGoogle();
  process.env.GCE_METADATA_HOST = google.metadataHost;
});
afterAll(() => {
  delete process.env.GCE_METADATA_HOST;
  return google.close();
});
beforeEach(() => {
  [nowMs, asked, instead] = [0, [], undefined];
  google.world.setMetadata({ platform: 'cloud-run' });
});

const fetchWatched: typeof fetch = async (input, init) => {
  asked.push(new URL(String(input)).pathname);
  return instead === undefined ? fetch(input, init) : instead();
};
const open = (hasServiceName = true) =>
  createPlatform({ transport: { fetch: fetchWatched }, hasServiceName, now: () => nowMs });

test.each([
  ['cloud-run', true],
  ['compute-engine', false],
  ['gke', false],
] as const)('%s is Cloud Run: %s', async (platform, expected) => {
  google.world.setMetadata({ platform });
  expect(await open().isCloudRun()).toBe(expected);
});

test('is queried once for concurrent callers, and never without K_SERVICE', async () => {
  const { isCloudRun } = open();
  expect(await Promise.all([isCloudRun(), isCloudRun()])).toEqual([true, true]);
  await isCloudRun();
  expect(asked).toHaveLength(3);
  asked = [];
  expect(await open(false).isCloudRun()).toBe(false);
  expect(asked).toEqual([]);
});

test.each([
  ['no server of Google’s', () => new Response('projects/1/regions/x'), false],
  ['a region of another form', () => new Response('europe', { headers: { 'metadata-flavor': 'Google' } }), false],
  ['nothing but 404', () => new Response('', { status: 404, headers: { 'metadata-flavor': 'Google' } }), false],
])('%s is not Cloud Run', async (_, answer, expected) => {
  instead = async () => answer();
  expect(await open().isCloudRun()).toBe(expected);
});

test('an unresponsive server is inconclusive: it is queried again, with pauses', async () => {
  const { isCloudRun } = open();
  instead = async () => {
    throw new TypeError('fetch failed');
  };
  await expect(isCloudRun()).rejects.toMatchObject({ code: 'google-unavailable' });
  instead = undefined;
  asked = [];
  await expect(isCloudRun()).rejects.toMatchObject({ code: 'google-unavailable' });
  expect(asked).toEqual([]);
  nowMs = 5_000;
  expect(await isCloudRun()).toBe(true);
});

test('a failing server is inconclusive as well', async () => {
  instead = async () => new Response('', { status: 503 });
  await expect(open().isCloudRun()).rejects.toMatchObject({ code: 'google-unavailable' });
});
