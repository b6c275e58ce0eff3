import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { ConflictRule, Conversion, Receipt } from '../../../src/domain.ts';
import { CourierError } from '../../../src/errors.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { bytesSource } from '../../../src/exports/sources/inline.ts';
import { type CourierStory, createCourierStory } from '../../support/courier-story.ts';

/** The bytes are in Drive, and the ledger is out of reach just when the receipt is to be recorded. */

const TIMEOUT_MS = 60_000;
const EMAIL = 'exporter@local-project.iam.gserviceaccount.com';
const OLDER = 'older bytes';
const NEWER = 'newer bytes';
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');

let google: LocalGoogle;
let story: CourierStory;
let isAway = false;
let refused = 0;
beforeAll(async () => {
  google = await startLocalGoogle();
  const memory = createMemoryLedger({ now: Date.now });
  const ledger: Ledger = {
    ...memory,
    async record(key, change, standing) {
      if (!isAway || change.state !== 'done') return memory.record(key, change, standing);
      refused += 1;
      throw new CourierError('google-unavailable');
    },
  };
  const reports = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [EMAIL] };
  story = createCourierStory(google, { ledger, destinations: { reports } });
}, TIMEOUT_MS);
beforeEach(() => {
  isAway = false;
  refused = 0;
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
    caller: { sub: '100000000000000000001', email: EMAIL },
    options: { destination: 'reports', name, onConflict, ...(convertTo === undefined ? {} : { convertTo }) },
    source: bytesSource(Buffer.from(text), convertTo === undefined ? 'text/plain' : 'text/csv'),
    idempotencyKey: `${name} ${key}`,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadlineMs: Date.now() + TIMEOUT_MS,
    requestId: `${name} ${key}`,
  });

const UNRECORDED = { code: 'google-unavailable', status: 503, retryable: true };

test('a replacement is answered where Drive proves it, and a later copy writes nothing over newer bytes', async () => {
  const name = 'replaced.txt';
  const { id } = await deliver(name, 'base', 'base', 'replace');
  isAway = true;
  const first = await deliver(name, OLDER, 'older', 'replace');
  expect(first).toMatchObject({ id, outcome: 'replaced', sha256: sha256Of(OLDER) });
  expect(first.warnings).toBeUndefined();
  expect(refused).toBe(1);
  isAway = false;
  expect(filesNamed(name)).toMatchObject([{ id, sha256: sha256Of(OLDER), revisions: 2 }]);
  expect(await deliver(name, NEWER, 'newer', 'replace')).toMatchObject({ id, outcome: 'replaced' });

  await expect(deliver(name, NEWER, 'older', 'replace')).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  for (const turn of [1, 2]) {
    const again = await deliver(name, OLDER, 'older', 'replace');
    expect([turn, again.outcome, again.id, again.sha256]).toEqual([turn, 'replayed', id, sha256Of(OLDER)]);
    expect(filesNamed(name)).toMatchObject([{ id, sha256: sha256Of(NEWER), revisions: 3 }]);
  }
});

test('a file that was left as it is, which Drive cannot prove, is not answered without its record', async () => {
  const name = 'skipped.txt';
  const { id } = await deliver(name, 'base', 'base', 'new');
  isAway = true;
  await expect(deliver(name, OLDER, 'older', 'skip')).rejects.toMatchObject(UNRECORDED);
  expect(refused).toBe(1);
  isAway = false;
  expect(await deliver(name, OLDER, 'older', 'skip')).toMatchObject({ id, outcome: 'skipped' });
  expect(filesNamed(name)).toMatchObject([{ id, sha256: sha256Of('base'), revisions: 1 }]);
});

test('a replaced spreadsheet, of which Drive keeps no checksum, is not answered without its record', async () => {
  const name = 'converted';
  const convert = (text: string, key: string) => deliver(name, text, key, 'replace', 'sheet');
  const { id } = await convert('a\n1\n', 'base');
  isAway = true;
  await expect(convert('a\n2\n', 'older')).rejects.toMatchObject(UNRECORDED);
  expect(refused).toBeGreaterThan(0);
  isAway = false;
  await expect(convert('a\n3\n', 'older')).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  expect(await convert('a\n2\n', 'older')).toMatchObject({ id, sha256: sha256Of('a\n2\n') });
  expect(filesNamed(name)).toMatchObject([{ id }]);
});

test('a new file is answered without its record, and a later copy writes nothing over newer bytes', async () => {
  const name = 'made.txt';
  isAway = true;
  const first = await deliver(name, OLDER, 'older', 'replace');
  expect(first).toMatchObject({ outcome: 'created', sha256: sha256Of(OLDER) });
  expect(refused).toBeGreaterThan(0);
  isAway = false;
  const { id } = first;
  expect(await deliver(name, NEWER, 'newer', 'replace')).toMatchObject({ id, outcome: 'replaced' });
  expect(await deliver(name, OLDER, 'older', 'replace')).toMatchObject({
    ...{ id, outcome: 'replayed', sha256: sha256Of(OLDER) },
  });
  expect(filesNamed(name)).toMatchObject([{ id, sha256: sha256Of(NEWER), revisions: 2 }]);
});

test.each<ConflictRule>(['new', 'skip', 'fail'])(
  'a new file whose receipt was not recorded is the key’s file (onConflict %s), and other bytes are refused',
  async (onConflict) => {
    const name = `kept-${onConflict}.txt`;
    isAway = true;
    const first = await deliver(name, OLDER, 'key', onConflict);
    expect(first).toMatchObject({ outcome: 'created', sha256: sha256Of(OLDER) });
    isAway = false;
    await expect(deliver(name, NEWER, 'key', onConflict)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
    const again = await deliver(name, OLDER, 'key', onConflict);
    expect(again).toMatchObject({ id: first.id, outcome: 'replayed', sha256: sha256Of(OLDER) });
    expect(filesNamed(name)).toMatchObject([{ id: first.id, sha256: sha256Of(OLDER), revisions: 1 }]);
  },
);
