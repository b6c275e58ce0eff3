import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import type { Caller, Receipt } from '../../../../src/domain.ts';
import { bytesSource } from '../../../../src/exports/sources/inline.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { type CourierStory, createCourierStory } from '../../../support/courier/courier-story.ts';

/** The ledger in memory is bounded. A caller that fills it evicts no key and no upload of another one. */

const TIMEOUT_MS = 120_000;
const BODY = '12345';
const SHA256 = createHash('sha256').update(BODY).digest('hex');
/** Room for a few hundred uploads of one caller. */
const LEDGER_BYTES = 1_000_000;
const CONCURRENT = 8;

const callerOf = (name: string): Caller => ({
  sub: `sub-of-${name}`,
  email: `${name}@local-project.iam.gserviceaccount.com`,
});
const [PATIENT, GREEDY] = [callerOf('patient'), callerOf('greedy')];

let google: LocalGoogle;
let story: CourierStory;
beforeAll(async () => {
  google = await startLocalGoogle();
  const callers = [PATIENT, GREEDY].map(({ email }) => email);
  const reports = { folder: google.places.sharedDriveFolder, credentials: 'main', callers };
  const ledger = createMemoryLedger({ now: Date.now, maxBytes: LEDGER_BYTES });
  story = createCourierStory(google, { ledger, destinations: { reports } });
}, TIMEOUT_MS);
afterAll(async () => {
  story?.close();
  await google?.close();
});

const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);
const time = () => ({ signal: AbortSignal.timeout(TIMEOUT_MS), deadlineMs: Date.now() + TIMEOUT_MS });

const deliver = (caller: Caller, name: string): Promise<Receipt> =>
  story.deliver({
    ...{ caller, options: { destination: 'reports', name }, source: bytesSource(Buffer.from(BODY), 'text/plain') },
    ...{ idempotencyKey: `key-${name}`, requestId: name, ...time() },
  });

const open = (caller: Caller, name: string) => {
  const options = { destination: 'reports', name, mimeType: 'text/plain', size: BODY.length };
  return story.openUpload({ caller, options, idempotencyKey: `upload-${name}`, ...time() });
};

/** Opens uploads until one is rejected. Returns the number of opened ones and the codes of the rejections. */
const openUntilRefused = async (caller: Caller): Promise<{ opened: number; codes: Set<unknown> }> => {
  let turn = 0;
  let opened = 0;
  const codes = new Set<unknown>();
  const work = async (): Promise<void> => {
    while (codes.size === 0) {
      try {
        await open(caller, `greedy-${turn++}`);
        opened += 1;
      } catch (error) {
        codes.add((error as { code?: string }).code);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
  return { opened, codes };
};

test(
  'a caller that exceeds its limit of uploads is rejected, and another one keeps its keys and its session',
  async () => {
    const first = await deliver(PATIENT, 'report');
    const upload = await open(PATIENT, 'big');
    expect((await fetch(upload.uploadUrl, { method: 'PUT', body: BODY })).ok).toBe(true);

    const { opened, codes } = await openUntilRefused(GREEDY);
    expect(opened).toBeGreaterThan(100);
    expect([...codes]).toEqual(['busy']);

    expect(await deliver(PATIENT, 'report')).toEqual({ ...first, outcome: 'replayed' });
    expect(filesNamed('report')).toMatchObject([{ id: first.id, sha256: SHA256, revisions: 1 }]);
    expect(await open(PATIENT, 'big')).toEqual({ ...upload, isNew: false });
    const receipt = await story.completeUpload({ id: upload.id, caller: PATIENT, sha256: SHA256, ...time() });
    expect(receipt).toMatchObject({ outcome: 'created', sha256: SHA256 });
    expect(filesNamed('big')).toMatchObject([{ id: receipt.id, sha256: SHA256, revisions: 1 }]);
    // There is also room for the other caller's next deliveries.
    expect(await deliver(PATIENT, 'next report')).toMatchObject({ outcome: 'created', sha256: SHA256 });
    // The greedy caller keeps the uploads it has opened. Only new ones are rejected.
    expect((await open(GREEDY, 'greedy-0')).id).toEqual(expect.any(String));
    await expect(open(GREEDY, 'one more')).rejects.toMatchObject({ code: 'busy', status: 429, retryable: true });
  },
  TIMEOUT_MS,
);
