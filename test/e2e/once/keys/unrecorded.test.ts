import { hash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { EMAILS } from '../../../../local/google/world/names.ts';
import type { ConflictRule, Conversion, Receipt } from '../../../../src/domain.ts';
import { CourierError } from '../../../../src/errors.ts';
import { bytesSource } from '../../../../src/exports/sources/inline.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { realSleep, type Sleep } from '../../../../src/sleep.ts';
import { type CourierStory, createCourierStory } from '../../../support/courier/courier-story.ts';

/** The bytes are in Drive, and the ledger is unavailable just when the receipt should be recorded. */

const TIMEOUT_MS = 60_000;
const OLDER = 'older bytes';
const NEWER = 'newer bytes';

let google: LocalGoogle;
let story: CourierStory;
let isAway = false;
let refused = 0;
/** How far the clocks of the courier and of Google are ahead. */
let aheadMs = 0;
const now = (): number => Date.now() + aheadMs;
/** The ledger recovers after this number of errors. */
let backAfter = Number.POSITIVE_INFINITY;
/** The next receipt is recorded, and the ledger's response is lost. */
let isAnswerLost = false;
beforeAll(async () => {
  google = await startLocalGoogle({ now });
  const memory = createMemoryLedger({ now: Date.now });
  const ledger: Ledger = {
    ...memory,
    async record(key, change, stored) {
      if (isAnswerLost && change.state === 'done') {
        isAnswerLost = false;
        await memory.record(key, change, stored);
        throw new CourierError('google-unavailable');
      }
      if (!isAway || change.state !== 'done' || refused >= backAfter) return memory.record(key, change, stored);
      refused += 1;
      throw new CourierError('google-unavailable');
    },
  };
  const reports = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [EMAILS.exporter] };
  const sleep: Sleep = (milliseconds, signal) => realSleep(milliseconds / 20, signal);
  story = createCourierStory(google, { ledger, destinations: { reports }, now, sleep });
}, TIMEOUT_MS);
beforeEach(() => {
  isAway = false;
  refused = 0;
  backAfter = Number.POSITIVE_INFINITY;
  isAnswerLost = false;
});
afterAll(async () => {
  story?.close();
  await google?.close();
});

const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

const deliver = (
  name: string,
  text: string,
  key: string,
  onConflict: ConflictRule,
  convertTo?: Conversion,
): Promise<Receipt> =>
  story.deliver({
    caller: { sub: '100000000000000000001', email: EMAILS.exporter },
    options: { destination: 'reports', name, onConflict, ...(convertTo === undefined ? {} : { convertTo }) },
    source: bytesSource(Buffer.from(text), convertTo === undefined ? 'text/plain' : 'text/csv'),
    idempotencyKey: `${name} ${key}`,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadlineMs: Date.now() + aheadMs + TIMEOUT_MS,
    requestId: `${name} ${key}`,
  });

/** How often recording is attempted before the delivery fails with an error. */
const ATTEMPTS = 3;

const UNRECORDED = { code: 'google-unavailable', status: 503, retryable: true };

test('a replacement succeeds only with its record, and a later copy does not overwrite newer bytes', async () => {
  const name = 'replaced.txt';
  const { id } = await deliver(name, 'base', 'base', 'replace');
  isAway = true;
  await expect(deliver(name, OLDER, 'older', 'replace')).rejects.toMatchObject(UNRECORDED);
  expect(refused).toBe(ATTEMPTS);
  isAway = false;
  expect(filesNamed(name)).toMatchObject([{ id, sha256: hash('sha256', OLDER), revisions: 2 }]);
  expect(await deliver(name, NEWER, 'newer', 'replace')).toMatchObject({ id, outcome: 'replaced' });

  await expect(deliver(name, NEWER, 'older', 'replace')).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  for (const turn of [1, 2]) {
    const again = await deliver(name, OLDER, 'older', 'replace');
    expect([turn, again.outcome, again.id, again.sha256]).toEqual([turn, 'replayed', id, hash('sha256', OLDER)]);
    expect(filesNamed(name)).toMatchObject([{ id, sha256: hash('sha256', NEWER), revisions: 3 }]);
  }
});

test('a ledger that recovers in time records the receipt, and the delivery succeeds', async () => {
  const name = 'in-time.txt';
  isAway = true;
  backAfter = 2;
  const first = await deliver(name, OLDER, 'key', 'new');
  expect(first).toMatchObject({ outcome: 'created', sha256: hash('sha256', OLDER) });
  expect(refused).toBe(2);
  expect(await deliver(name, OLDER, 'key', 'new')).toEqual({ ...first, outcome: 'replayed' });
});

test('a receipt that was recorded despite an error response is the one that the delivery returns', async () => {
  const name = 'answer-lost.txt';
  isAnswerLost = true;
  expect(await deliver(name, OLDER, 'key', 'new')).toMatchObject({ outcome: 'created' });
  expect(await deliver(name, OLDER, 'key', 'new')).toMatchObject({ outcome: 'replayed' });
});

test.each<[string, ConflictRule]>([
  ['new.txt', 'new'],
  ['replaced-by.txt', 'replace'],
])('a file that is deleted before it is recorded is not confirmed (%s)', async (name, onConflict) => {
  isAway = true;
  await expect(deliver(name, OLDER, 'key', onConflict)).rejects.toMatchObject(UNRECORDED);
  isAway = false;
  const [made] = filesNamed(name);
  google.drive.removeFile(made?.id ?? '');
  let again: Receipt | undefined;
  for (let turn = 0; turn < 3 && again === undefined; turn++) {
    again = await deliver(name, OLDER, 'key', onConflict).catch(() => undefined);
    // Until then, Drive may only hide the file.
    aheadMs += 120_000;
  }
  expect(again?.sha256).toBe(hash('sha256', OLDER));
  expect(filesNamed(name)).toMatchObject([{ id: again?.id, sha256: hash('sha256', OLDER) }]);
});

test('a skipped delivery succeeds only with its record', async () => {
  const name = 'skipped.txt';
  const { id } = await deliver(name, 'base', 'base', 'new');
  isAway = true;
  await expect(deliver(name, OLDER, 'older', 'skip')).rejects.toMatchObject(UNRECORDED);
  expect(refused).toBe(ATTEMPTS);
  isAway = false;
  expect(await deliver(name, OLDER, 'older', 'skip')).toMatchObject({ id, outcome: 'skipped' });
  expect(filesNamed(name)).toMatchObject([{ id, sha256: hash('sha256', 'base'), revisions: 1 }]);
});

test('a replaced spreadsheet succeeds only with its record', async () => {
  const name = 'converted';
  const convert = (text: string, key: string) => deliver(name, text, key, 'replace', 'sheet');
  const { id } = await convert('a\n1\n', 'base');
  isAway = true;
  await expect(convert('a\n2\n', 'older')).rejects.toMatchObject(UNRECORDED);
  expect(refused).toBeGreaterThan(0);
  isAway = false;
  await expect(convert('a\n3\n', 'older')).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  expect(await convert('a\n2\n', 'older')).toMatchObject({ id, sha256: hash('sha256', 'a\n2\n') });
  expect(filesNamed(name)).toMatchObject([{ id }]);
});

test('a new file succeeds only with its record, and a later copy does not overwrite newer bytes', async () => {
  const name = 'made.txt';
  isAway = true;
  await expect(deliver(name, OLDER, 'older', 'replace')).rejects.toMatchObject(UNRECORDED);
  isAway = false;
  const { id } = await deliver(name, NEWER, 'newer', 'replace');
  expect(await deliver(name, OLDER, 'older', 'replace')).toMatchObject({
    ...{ id, outcome: 'replayed', sha256: hash('sha256', OLDER) },
  });
  expect(filesNamed(name)).toMatchObject([{ id, sha256: hash('sha256', NEWER), revisions: 2 }]);
});

test.each<ConflictRule>(['new', 'skip', 'fail'])(
  'a new file without a recorded receipt belongs to the key (onConflict %s), and other bytes are rejected',
  async (onConflict) => {
    const name = `kept-${onConflict}.txt`;
    isAway = true;
    await expect(deliver(name, OLDER, 'key', onConflict)).rejects.toMatchObject(UNRECORDED);
    isAway = false;
    await expect(deliver(name, NEWER, 'key', onConflict)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    const again = await deliver(name, OLDER, 'key', onConflict);
    expect(again).toMatchObject({ outcome: 'replayed', sha256: hash('sha256', OLDER) });
    expect(filesNamed(name)).toMatchObject([{ id: again.id, sha256: hash('sha256', OLDER), revisions: 1 }]);
  },
);
