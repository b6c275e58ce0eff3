import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { EMAILS } from '../../../../local/google/world/names.ts';
import { bytesSource } from '../../../../src/exports/sources/inline.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { type CourierStory, createCourierStory } from '../../../support/courier/courier-story.ts';
import { pauseBetweenDeliveries, waitForTrash } from './retention-waits.ts';

/** Two instances whose clocks are minutes apart deliver to a destination that keeps the last file. */

const MINUTES = 60_000;
const TIMEOUT_MS = 60_000;

let google: LocalGoogle;
let fast: CourierStory;
let slow: CourierStory;
beforeAll(async () => {
  google = await startLocalGoogle();
  const ledger = createMemoryLedger({ now: Date.now });
  const reports = {
    ...{ folder: google.places.sharedDriveFolder, credentials: 'main', callers: [EMAILS.exporter] },
    keep: { path: '*', last: 1 },
  };
  const instance = (aheadMs: number): CourierStory =>
    createCourierStory(google, { ledger, destinations: { reports }, now: () => Date.now() + aheadMs });
  fast = instance(4 * MINUTES);
  slow = instance(-4 * MINUTES);
}, TIMEOUT_MS);
afterAll(async () => {
  fast?.close();
  slow?.close();
  await google?.close();
});

const deliver = ({ deliver: send }: CourierStory, path: string, name: string) =>
  send({
    caller: { sub: '100000000000000000001', email: EMAILS.exporter },
    options: { destination: 'reports', path, name },
    source: bytesSource(Buffer.from(name), 'text/plain'),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadlineMs: Date.now() + 10 * MINUTES,
    requestId: name,
  });

test.each([
  ['behind', () => ({ first: fast, second: slow })],
  ['ahead', () => ({ first: slow, second: fast })],
])(
  'the newer file stays where the clock of the last one to deliver is %s',
  async (path, instances) => {
    const { first, second } = instances();
    const older = await deliver(first, path, 'older');
    await pauseBetweenDeliveries();
    const newer = await deliver(second, path, 'newer');
    expect(await waitForTrash(google, [older.id, newer.id])).toEqual([true, false]);
  },
  TIMEOUT_MS,
);
