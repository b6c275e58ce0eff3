import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { EMAILS } from '../../../local/google/world/names.ts';
import type { Receipt } from '../../../src/domain.ts';
import { bytesSource } from '../../../src/exports/sources/inline.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { type CourierStory, createCourierStory } from '../../support/courier/courier-story.ts';

/**
 * Drive accepts no predefined id for a conversion, so only one attempt at a time may run. The next one waits until that
 * attempt is certainly over.
 */

const TIMEOUT_MS = 60_000;
const PUT = { method: 'PUT', path: '/upload/*' } as const;

let google: LocalGoogle;
let story: CourierStory;
let laterMs = 0;
const now = (): number => Date.now() + laterMs;
beforeAll(async () => {
  google = await startLocalGoogle();
  const reports = { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [EMAILS.exporter] };
  story = createCourierStory(google, { ledger: createMemoryLedger({ now }), destinations: { reports }, now });
}, TIMEOUT_MS);
afterEach(() => google.faults.clear());
afterAll(async () => {
  story?.close();
  await google?.close();
});

const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name);

/** Sends a table. The deadline is in `withinMs`. */
const convert = (name: string, withinMs: number): Promise<Receipt> =>
  story.deliver({
    caller: { sub: '100000000000000000001', email: EMAILS.exporter },
    options: { destination: 'reports', name, convertTo: 'sheet' },
    source: bytesSource(Buffer.from('a,b\n1,2\n'), 'text/csv'),
    idempotencyKey: `key-${name}`,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadlineMs: now() + withinMs,
    requestId: `request-${name}`,
  });

const UNAVAILABLE = { code: 'drive-unavailable', retryable: true };

test(
  'while one attempt converts, another one creates nothing and returns a retry time',
  async () => {
    google.faults.add({ ...PUT, nth: 1, fault: { kind: 'delay', ms: 4_000 } });
    const first = convert('under-way', 30_000);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await expect(convert('under-way', 4_500)).rejects.toMatchObject({
      ...UNAVAILABLE,
      retryAfterSeconds: expect.any(Number),
    });
    const { id } = await first;
    expect(filesNamed('under-way')).toMatchObject([{ id }]);
    expect(await convert('under-way', 30_000)).toMatchObject({ id, outcome: 'replayed' });
  },
  TIMEOUT_MS,
);

test(
  'an attempt with an unknown end blocks the others only for a limited time',
  async () => {
    google.faults.add({ ...PUT, times: 100, fault: { kind: 'status', status: 503 } });
    await expect(convert('unknown', 5_000)).rejects.toMatchObject(UNAVAILABLE);
    google.faults.clear();
    await expect(convert('unknown', 4_500)).rejects.toMatchObject(UNAVAILABLE);
    expect(filesNamed('unknown')).toEqual([]);
    laterMs += 600_000;
    const { id } = await convert('unknown', 30_000);
    expect(filesNamed('unknown')).toMatchObject([{ id }]);
  },
  TIMEOUT_MS,
);

test(
  'an attempt that Drive rejected blocks no other',
  async () => {
    google.faults.add({ ...PUT, nth: 1, fault: { kind: 'status', status: 403, reason: 'fileNotConvertible' } });
    await expect(convert('refused', 10_000)).rejects.toMatchObject({ code: 'conversion-refused' });
    expect((await convert('refused', 10_000)).outcome).toBe('created');
    expect(filesNamed('refused')).toHaveLength(1);
  },
  TIMEOUT_MS,
);
