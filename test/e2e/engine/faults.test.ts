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

const PASSING: readonly Fault[] = [
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
  known: fc.boolean(),
  again: fc.boolean(),
  blocks: fc.integer({ min: 4, max: 24 }),
  marked: fc.boolean(),
  ifExists: fc.constantFrom('answer' as const, 'replace' as const),
  faults: fc.array(fc.option(fc.constantFrom(...PASSING), { nil: undefined, freq: 2 }), { maxLength: 12 }),
  seed: fc.nat(255),
});

/** Faults that cost only time, and so few that no retry limit is reached. */
const isBearable = (faults: readonly (Fault | undefined)[]): boolean => {
  const real = faults.filter((fault) => fault !== undefined);
  return real.length <= 4 && !real.includes('byte-corrupted') && !real.includes('session-forgotten');
};

const isRetryable = (error: unknown): boolean => error instanceof CourierError && error.retryable;

test(`${RUNS} uploads under faults: the sent bytes are stored once, or an error is returned and no wrong file remains`, async () => {
  let run = 0;
  let failed = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async ({ size, pieces, known, again, blocks, marked, ifExists, faults, seed }) => {
      run += 1;
      plan = [];
      tiny.files.clear();
      tiny.sessions.clear();
      const { drive, transport, budget } = createCourierDrive({
        origin: tiny.origin,
        blockBytes: GRANULARITY,
        bufferBytes: blocks * GRANULARITY,
        multipartBytes: MULTIPART_BYTES,
      });
      try {
        const id = `file-${run}`;
        const bytes = bytesOf(size, seed);
        const file = {
          ...{ id, name: 'report', mimeType: 'text/csv', folderId: 'folder' },
          // Without the mark, a corrupted file whose response was lost cannot be distinguished from another writer's file.
          ...(marked || faults.includes('byte-corrupted') ? { appProperties: MARK } : {}),
        };
        const upload = (): Promise<UploadedTo> =>
          uploadTo(drive, {
            target: { kind: 'create', file },
            source: sourceOf(bytes, { pieces, known, again }),
            ifExists,
            maxBytes: 1e9,
          });
        plan = [...faults];
        const first = await upload().catch((error: unknown) => error);
        const corrupted = faults.includes('byte-corrupted');
        if (first instanceof Error) {
          expect([isRetryable(first), isBearable(faults)]).toEqual([true, false]);
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
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  );
  expect(failed).toBeLessThan(RUNS);
}, 600_000);

const WRONGS = ['cut', 'digest', 'abandoned', 'objection', 'short'] as const;

/** A request whose bytes must never become a file. */
const wrongRequest = (wrong: (typeof WRONGS)[number], bytes: Buffer, cutAt: number): Partial<UploadRequest> => {
  const giveUp = new AbortController();
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < cutAt; at += 13) yield bytes.subarray(at, Math.min(cutAt, at + 13));
    if (wrong === 'abandoned') {
      giveUp.abort(new CourierError('shutting-down'));
      await new Promise(() => undefined);
    }
    if (wrong === 'cut') throw new CourierError('body-truncated');
  };
  if (wrong === 'digest') return { expectedSha256: hash('sha256', Buffer.concat([bytes, bytes, Buffer.from('x')])) };
  if (wrong === 'objection') return { beforeCommit: () => Promise.reject(new CourierError('idempotency-key-reused')) };
  const size = wrong === 'short' ? bytes.length + 1 : undefined;
  return { source: { size, mimeType: 'text/csv', open: cut }, signal: giveUp.signal };
};

test(`${RUNS} invalid bodies under faults: an error, and never a file`, async () => {
  const wrongs = fc.record({
    scenario,
    wrong: fc.constantFrom(...WRONGS),
    cutShare: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  let own = 0;
  await fc.assert(
    fc.asyncProperty(wrongs, async ({ scenario: { size, pieces, blocks, faults, seed }, wrong, cutShare }) => {
      tiny.files.clear();
      tiny.sessions.clear();
      const { drive, transport, budget } = createCourierDrive({
        origin: tiny.origin,
        blockBytes: GRANULARITY,
        bufferBytes: blocks * GRANULARITY,
        multipartBytes: MULTIPART_BYTES,
      });
      try {
        const bytes = bytesOf(size, seed);
        plan = [...faults];
        const failure = await uploadTo(drive, {
          target: { kind: 'create', file: { id: 'wrong', name: 'report', mimeType: 'text/csv', folderId: 'folder' } },
          source: sourceOf(bytes, { pieces }),
          maxBytes: 1e9,
          ...wrongRequest(wrong, bytes, Math.floor(size * cutShare)),
        }).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(CourierError);
        if (!isRetryable(failure)) own += 1;
        expect(tiny.files.size).toBe(0);
        expect(budget.gauges().used).toBe(0);
      } finally {
        transport.close();
      }
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: false },
  );
  expect(own).toBeGreaterThan(RUNS / 3);
}, 600_000);

test(`${RUNS} uploads resumed repeatedly from where they stopped: one file, and every byte verified`, async () => {
  const tries = fc.record({
    scenario,
    // Long enough to exceed the retry limit of one attempt.
    plans: fc.array(
      fc.array(fc.option(fc.constantFrom(...PASSING), { nil: undefined, freq: 4 }), { minLength: 8, maxLength: 40 }),
      { minLength: 1, maxLength: 4, size: 'max' },
    ),
  });
  let takenUp = 0;
  await fc.assert(
    fc.asyncProperty(tries, async ({ scenario: { size, pieces, blocks, seed, known }, plans }) => {
      tiny.files.clear();
      tiny.sessions.clear();
      const bytes = bytesOf(size, seed);
      let sessionUri: string | undefined;
      const keep = async (uri: string): Promise<void> => {
        sessionUri = uri;
      };
      const attempt = async (): Promise<UploadedTo | undefined> => {
        const { drive, transport } = createCourierDrive({
          origin: tiny.origin,
          blockBytes: GRANULARITY,
          bufferBytes: blocks * GRANULARITY,
          multipartBytes: MULTIPART_BYTES,
        });
        if (sessionUri !== undefined) takenUp += 1;
        const file = { id: 'one', name: 'r', mimeType: 'text/csv', folderId: 'f', appProperties: MARK };
        const target = { kind: 'create', file } as const;
        const resumed = { keepSession: keep, ...(sessionUri === undefined ? {} : { sessionUri }) };
        try {
          return await uploadTo(drive, {
            target,
            source: sourceOf(bytes, { pieces, known, again: true }),
            maxBytes: 1e9,
            ...resumed,
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
  expect(takenUp).toBeGreaterThan(RUNS / 10);
}, 600_000);
