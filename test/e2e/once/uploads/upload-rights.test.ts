import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import type { Caller } from '../../../../src/domain.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { type CourierStory, createCourierStory } from '../../../support/courier/courier-story.ts';
import { type RunningCourier, startCourier } from '../../../support/courier/running-courier.ts';

/** A caller's permission for an upload session is checked when it opens one, and again when it requests the receipt. */

const BODY = 'a,b\n1,2\n';
const CALLER: Caller = { sub: '100000000000000000001', email: 'exporter@local-project.iam.gserviceaccount.com' };

let google: LocalGoogle;
let ledger: Ledger;
const stories: CourierStory[] = [];
beforeAll(async () => {
  google = await startLocalGoogle();
  ledger = createMemoryLedger({ now: Date.now });
}, 60_000);
afterAll(async () => {
  for (const story of stories) story.close();
  await google?.close();
});

/** The courier with one configuration. All configurations share one ledger. */
const storyFor = (caller: string): CourierStory => {
  const reports = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [caller] };
  const story = createCourierStory(google, { ledger, destinations: { reports } });
  stories.push(story);
  return story;
};

const time = () => ({ signal: AbortSignal.timeout(60_000), deadlineMs: Date.now() + 60_000 });

test.each([undefined, 'revoked'])(
  'a caller that lost access to the destination gets no receipt for the upload that it opened (key %s)',
  async (idempotencyKey) => {
    const { email = '' } = CALLER;
    const options = { destination: 'reports', name: `revoked-${idempotencyKey}.csv`, mimeType: 'text/csv', size: 8 };
    const key = idempotencyKey === undefined ? {} : { idempotencyKey };
    const opened = await storyFor(email).openUpload({ caller: CALLER, options, ...key, ...time() });
    expect((await fetch(opened.uploadUrl, { method: 'PUT', body: BODY })).status).toBe(200);

    const sha256 = createHash('sha256').update(BODY).digest('hex');
    const complete = { id: opened.id, caller: CALLER, sha256 };
    const revoked = storyFor('somebody-else@example.com');
    await expect(revoked.completeUpload({ ...complete, ...time() })).rejects.toMatchObject({
      code: 'destination-forbidden',
    });
    // With access restored, it continues where it was.
    const receipt = await storyFor(email).completeUpload({ ...complete, ...time() });
    expect(receipt).toMatchObject({ outcome: 'created', sha256 });
  },
  60_000,
);

test('an upload session accepts the destination’s maximum size, and not a byte more', async () => {
  const { world, places } = google;
  const destination = { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.exporter] };
  const courier: RunningCourier = await startCourier(google, {
    document: {
      destinations: { small: { ...destination, maxBytes: 10 } },
      credentials: { main: { file: world.keyFiles.courier } },
      pubsub: undefined,
    },
  });
  try {
    const open = async (size: number) => {
      const body = JSON.stringify({ name: `${size}.csv`, mimeType: 'text/csv', size });
      const headers = { 'content-type': 'application/json' };
      const response = await courier.ask(world.emails.exporter, '/v1/uploads', { method: 'POST', headers, body });
      const { code } = (await response.json()) as { code?: string };
      return [response.status, code];
    };
    expect(await open(10)).toEqual([201, undefined]);
    expect(await open(11)).toEqual([413, 'too-large']);
  } finally {
    await courier.close();
  }
}, 60_000);
