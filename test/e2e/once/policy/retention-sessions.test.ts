import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { EMAILS } from '../../../../local/google/world/names.ts';
import { bytesSource } from '../../../../src/exports/sources/inline.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { type CourierStory, createCourierStory } from '../../../support/courier/courier-story.ts';
import { pauseBetweenDeliveries, waitForTrash } from './retention-waits.ts';

/** The caller of an upload session may take days to send the bytes. The retention counts from the completion. */

const CALLER = { sub: '100000000000000000001', email: EMAILS.exporter };
const TIMEOUT_MS = 60_000;
const BYTES = Buffer.from('a slow file');

let google: LocalGoogle;
let courier: CourierStory;
beforeAll(async () => {
  google = await startLocalGoogle();
  const folder = google.places.sharedDriveFolder;
  const given = { folder, credentials: 'main', callers: [EMAILS.exporter] };
  courier = createCourierStory(google, {
    ledger: createMemoryLedger({ now: Date.now }),
    destinations: {
      last: { ...given, keep: { path: '*', last: 1 } },
      two: { ...given, keep: { path: '*', last: 2 } },
    },
  });
}, TIMEOUT_MS);
afterAll(async () => {
  courier?.close();
  await google?.close();
});

const request = () => ({
  caller: CALLER,
  signal: AbortSignal.timeout(TIMEOUT_MS),
  deadlineMs: Date.now() + TIMEOUT_MS,
});

const deliver = (destination: string, name: string) =>
  courier.deliver({
    ...request(),
    options: { destination, path: destination, name },
    source: bytesSource(Buffer.from(name), 'text/plain'),
    requestId: name,
  });

const open = (destination: string, name: string, onConflict: 'new' | 'replace') =>
  courier.openUpload({
    ...request(),
    options: { destination, path: destination, name, onConflict, mimeType: 'text/plain', size: BYTES.length },
  });

const send = async ({ uploadUrl }: { uploadUrl: string }): Promise<void> => {
  const { status } = await fetch(uploadUrl, { method: 'PUT', body: BYTES });
  expect(status).toBe(200);
};

const fileOf = (id: string) => google.drive.files().find((file) => file.id === id);
test(
  'a new file that was opened before another delivery, and completed after it, is the newer one',
  async () => {
    const opened = await open('last', 'slow', 'new');
    await pauseBetweenDeliveries();
    const quick = await deliver('last', 'quick');
    await pauseBetweenDeliveries();
    await send(opened);
    const slow = await courier.completeUpload({ ...request(), id: opened.id });
    expect(await waitForTrash(google, [quick.id, slow.id])).toEqual([true, false]);
    expect(fileOf(slow.id)?.modifiedTime).toBe(slow.modifiedTime);
  },
  TIMEOUT_MS,
);

test(
  'a new file that has all its bytes and is not completed is left alone, and does not displace another one',
  async () => {
    const opened = await open('two', 'slow', 'new');
    await send(opened);
    const ids: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      ids.push((await deliver('two', name)).id);
      await pauseBetweenDeliveries();
    }
    expect(await waitForTrash(google, ids)).toEqual([true, false, false]);
    const { id } = await courier.completeUpload({ ...request(), id: opened.id });
    expect(await waitForTrash(google, [...ids.slice(1), id])).toEqual([true, false, false]);
  },
  TIMEOUT_MS,
);

test(
  'a file that was replaced counts from the completion',
  async () => {
    const [kept, other] = [await deliver('two', 'kept'), await deliver('two', 'other')];
    const opened = await open('two', 'kept', 'replace');
    await pauseBetweenDeliveries();
    await courier.deliver({
      ...request(),
      options: { destination: 'two', path: 'two', name: 'other', onConflict: 'replace' },
      source: bytesSource(Buffer.from('again'), 'text/plain'),
      requestId: 'again',
    });
    await pauseBetweenDeliveries();
    await send(opened);
    expect((await courier.completeUpload({ ...request(), id: opened.id })).id).toBe(kept.id);
    await pauseBetweenDeliveries();
    const newest = await deliver('two', 'newest');
    expect(await waitForTrash(google, [kept.id, other.id, newest.id])).toEqual([false, true, false]);
  },
  TIMEOUT_MS,
);
