import { hash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { UploadRequest } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { createCourierDrive, sourceOf } from '../../support/courier/courier-drive.ts';
import { type Fault, startTinyDrive, type TinyDrive } from '../../support/drive/tiny-drive.ts';
import { type UploadedTo, uploadTo } from '../../support/drive/upload-to.ts';

/**
 * The chunk size in bytes. Drive's own is 262,144; a small one lets thousands of uploads with many chunks run in
 * seconds.
 */
const GRANULARITY = 16;
const MULTIPART_BYTES = 5 * GRANULARITY;
const RUNS = Number(process.env.ENGINE_RUNS ?? 1_000);
const SEED = Number(process.env.ENGINE_SEED ?? 20_261_124);

const FAULTS: readonly Fault[] = [
  'unavailable',
  'rate-limited',
  'reset-before',
  'reset-midway',
  'answer-lost',
  'part-stored',
  'nothing-stored',
  'session-forgotten',
  'byte-corrupted',
];

let tiny: TinyDrive;
let plan: (Fault | undefined)[] = [];
beforeAll(async () => {
  tiny = await startTinyDrive({ granularity: GRANULARITY, fault: () => plan.shift() });
});
afterAll(() => tiny.close());

/**
 * A private property by which an attempt recognizes its own file when the response was lost, and then checks its bytes.
 */
const MARK = { courierTry: 'one' };

/** A Drive with as many buffers as that. */
const driveWith = (blocks: number) =>
  createCourierDrive({
    origin: tiny.origin,
    blockBytes: GRANULARITY,
    bufferBytes: blocks * GRANULARITY,
    multipartBytes: MULTIPART_BYTES,
  });

const bytesOf = (size: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = (seed + at * 31 + (at >> 8)) & 255;
  return bytes;
};

const scenario = fc.record({
  size: fc.oneof(
    fc.integer({ min: 0, max: 40 * GRANULARITY }),
    fc.constantFrom(
      ...[0, 1, 2, 4, 5, 6, 8, 16].flatMap((n) => [-1, 0, 1].map((d) => Math.max(0, n * GRANULARITY + d))),
    ),
  ),
  pieces: fc.array(fc.integer({ min: 1, max: 5 * GRANULARITY }), { minLength: 1, maxLength: 5 }),
  hasKnownSize: fc.boolean(),
  isSeekable: fc.boolean(),
  blocks: fc.integer({ min: 4, max: 24 }),
  marked: fc.boolean(),
  ifExists: fc.constantFrom('answer' as const, 'replace' as const),
  faults: fc.array(fc.option(fc.constantFrom(...FAULTS), { nil: undefined, freq: 2 }), { maxLength: 12 }),
  seed: fc.nat(255),
});

/** True for faults that only delay an upload, if they are too few to reach a retry limit. */
const mustSucceed = (faults: readonly (Fault | undefined)[]): boolean => {
  const sent = faults.filter((fault) => fault !== undefined);
  return sent.length <= 4 && !sent.includes('byte-corrupted') && !sent.includes('session-forgotten');
};

const isRetryable = (error: unknown): boolean => error instanceof CourierError && error.retryable;

test(`${RUNS} uploads under faults: the sent bytes are stored once, or an error is returned and no wrong file remains`, async () => {
  let run = 0;
  let failed = 0;
  await fc.assert(
    fc.asyncProperty(
      scenario,
      async ({ size, pieces, hasKnownSize, isSeekable, blocks, marked, ifExists, faults, seed }) => {
        run += 1;
        plan = [];
        tiny.files.clear();
        tiny.sessions.clear();
        const { drive, transport, budget } = driveWith(blocks);
        try {
          const id = `file-${run}`;
          const bytes = bytesOf(size, seed);
          const file = {
            ...{ id, name: 'report', mimeType: 'text/csv', folderId: 'folder' },
            // Without the mark, the courier cannot tell its own corrupted file from another writer's if the response was lost.
            ...(marked || faults.includes('byte-corrupted') ? { appProperties: MARK } : {}),
          };
          const upload = (): Promise<UploadedTo> =>
            uploadTo(drive, {
              target: { kind: 'create', file },
              source: sourceOf(bytes, { pieces, hasKnownSize, isSeekable }),
              ifExists,
              maxBytes: 1e9,
            });
          plan = [...faults];
          const first = await upload().catch((error: unknown) => error);
          const corrupted = faults.includes('byte-corrupted');
          if (first instanceof Error) {
            expect([isRetryable(first), mustSucceed(faults)]).toEqual([true, false]);
            failed += 1;
            // The response to the last request may have been lost; then the file exists and is complete.
            for (const { revisions } of tiny.files.values())
              expect(corrupted || hash('sha256', revisions.at(-1) ?? Buffer.alloc(0)) === hash('sha256', bytes)).toBe(
                true,
              );
            plan = [];
            await upload();
          } else {
            expect(first).toMatchObject({ sha256: hash('sha256', bytes), size });
          }
          expect([...tiny.files.keys()]).toEqual([id]);
          const stored = tiny.files.get(id)?.revisions.at(-1) ?? Buffer.from('none');
          expect(stored.equals(bytes)).toBe(true);
          expect(budget.gauges().used).toBe(0);
        } finally {
          transport.close();
        }
      },
    ),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  );
  expect(failed).toBeLessThan(RUNS);
}, 600_000);

/**
 * Why a body must not become a file: it is cut off, has another digest or fewer bytes than announced, its caller leaves, or
 * the delivery objects before the last byte.
 */
const DEFECTS = ['cut', 'digest', 'abandoned', 'objection', 'short'] as const;

/** A request whose bytes must never become a file. */
const defectiveRequest = (defect: (typeof DEFECTS)[number], bytes: Buffer, cutAt: number): Partial<UploadRequest> => {
  const giveUp = new AbortController();
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < cutAt; at += 13) yield bytes.subarray(at, Math.min(cutAt, at + 13));
    if (defect === 'abandoned') {
      giveUp.abort(new CourierError('shutting-down'));
      await new Promise(() => undefined);
    }
    if (defect === 'cut') throw new CourierError('body-truncated');
  };
  if (defect === 'digest') return { expectedSha256: hash('sha256', Buffer.concat([bytes, bytes, Buffer.from('x')])) };
  if (defect === 'objection') return { beforeCommit: () => Promise.reject(new CourierError('idempotency-key-reused')) };
  const size = defect === 'short' ? bytes.length + 1 : undefined;
  return { source: { size, mimeType: 'text/csv', open: cut }, signal: giveUp.signal };
};

test(`${RUNS} invalid bodies under faults: an error, and never a file`, async () => {
  const requests = fc.record({
    scenario,
    defect: fc.constantFrom(...DEFECTS),
    cutShare: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  let permanent = 0;
  await fc.assert(
    fc.asyncProperty(requests, async ({ scenario: { size, pieces, blocks, faults, seed }, defect, cutShare }) => {
      tiny.files.clear();
      tiny.sessions.clear();
      const { drive, transport, budget } = driveWith(blocks);
      try {
        const bytes = bytesOf(size, seed);
        plan = [...faults];
        const failure = await uploadTo(drive, {
          target: { kind: 'create', file: { id: 'wrong', name: 'report', mimeType: 'text/csv', folderId: 'folder' } },
          source: sourceOf(bytes, { pieces }),
          maxBytes: 1e9,
          ...defectiveRequest(defect, bytes, Math.floor(size * cutShare)),
        }).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(CourierError);
        if (!isRetryable(failure)) permanent += 1;
        expect(tiny.files.size).toBe(0);
        expect(budget.gauges().used).toBe(0);
      } finally {
        transport.close();
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  );
  expect(permanent).toBeGreaterThan(RUNS / 3);
}, 600_000);

test(`${RUNS} uploads resumed repeatedly from where they stopped: one file, and every byte verified`, async () => {
  const resumedUploads = fc.record({
    scenario,
    // Long enough to exceed the retry limit of one attempt.
    plans: fc.array(
      fc.array(fc.option(fc.constantFrom(...FAULTS), { nil: undefined, freq: 4 }), { minLength: 8, maxLength: 40 }),
      { minLength: 1, maxLength: 4, size: 'max' },
    ),
  });
  let resumed = 0;
  await fc.assert(
    fc.asyncProperty(resumedUploads, async ({ scenario: { size, pieces, blocks, seed, hasKnownSize }, plans }) => {
      tiny.files.clear();
      tiny.sessions.clear();
      const bytes = bytesOf(size, seed);
      let sessionUri: string | undefined;
      const keep = async (uri: string): Promise<void> => {
        sessionUri = uri;
      };
      const attempt = async (): Promise<UploadedTo | undefined> => {
        const { drive, transport } = driveWith(blocks);
        if (sessionUri !== undefined) resumed += 1;
        const file = { id: 'one', name: 'r', mimeType: 'text/csv', folderId: 'f', appProperties: MARK };
        const target = { kind: 'create', file } as const;
        const session = { keepSession: keep, ...(sessionUri === undefined ? {} : { sessionUri }) };
        try {
          return await uploadTo(drive, {
            target,
            source: sourceOf(bytes, { pieces, hasKnownSize, isSeekable: true }),
            maxBytes: 1e9,
            ...session,
          });
        } catch (error) {
          expect(isRetryable(error)).toBe(true);
          return undefined;
        } finally {
          transport.close();
        }
      };
      let uploaded: UploadedTo | undefined;
      for (const faults of plans) {
        plan = [...faults];
        uploaded ??= await attempt();
      }
      plan = [];
      uploaded ??= (await attempt()) ?? (await attempt());
      expect(uploaded).toMatchObject({ sha256: hash('sha256', bytes), size });
      expect([...tiny.files.values()].map(({ revisions }) => revisions.map((bytes) => hash('sha256', bytes)))).toEqual([
        [hash('sha256', bytes)],
      ]);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  );
  expect(resumed).toBeGreaterThan(RUNS / 10);
}, 600_000);
