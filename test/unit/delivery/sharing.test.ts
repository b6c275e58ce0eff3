import { expect, test } from '@jest/globals';
import { destination as destinationSchema, type ShareConfig } from '../../../src/config/schema/destination.ts';
import type { ResolvedRequest } from '../../../src/delivery/resolve-options.ts';
import { restrictAndShare, shareFile, startRetention } from '../../../src/delivery/sharing.ts';
import { CourierError } from '../../../src/errors.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const RULES: ShareConfig[] = [
  { type: 'group', email: 'finance@example.com', role: 'reader', notify: false },
  { type: 'user', email: 'bob@example.com', role: 'writer', notify: true },
  { type: 'domain', domain: 'example.com', role: 'commenter' },
  { type: 'anyone', role: 'reader' },
];

const setUp = (answers: (CourierError | undefined)[] = []) => {
  const clock = { nowMs: 0 };
  const calls: unknown[][] = [];
  const waits: number[] = [];
  let underWay = 0;
  const log = createKeptLog();
  const share = async (...call: unknown[]): Promise<void> => {
    expect(++underWay).toBe(1);
    calls.push(call.slice(0, 3));
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    const error = answers.shift();
    if (error !== undefined) throw error;
  };
  const sleep = async (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    waits.push(milliseconds);
    clock.nowMs += milliseconds;
    signal?.throwIfAborted();
  };
  const now = (): number => clock.nowMs;
  const run = (context = {}, rules: readonly ShareConfig[] = RULES) =>
    shareFile({ drive: { share, now }, fileId: 'file-1', share: rules, context, log, now, sleep });
  return { run, calls, waits, log };
};

const slower = (): CourierError => new CourierError('drive-rate-limited');

test('permissions are created one after another, with mail only if requested', async () => {
  const { run, calls } = setUp();
  expect(await run()).toEqual([]);
  expect(calls).toEqual([
    ['file-1', { type: 'group', role: 'reader', email: 'finance@example.com' }, false],
    ['file-1', { type: 'user', role: 'writer', email: 'bob@example.com' }, true],
    ['file-1', { type: 'domain', role: 'commenter', domain: 'example.com' }, false],
    ['file-1', { type: 'anyone', role: 'reader' }, false],
  ]);
});

test('a failure is a warning without addresses, and the other permissions are still created', async () => {
  const { run, calls, log } = setUp([undefined, new CourierError('folder-not-writable')]);
  const warnings = await run();
  expect(warnings).toEqual([expect.stringMatching(/^Not shared with the user as writer: /)]);
  expect(warnings.join()).not.toContain('@');
  expect(calls).toHaveLength(4);
  expect(log.lines).toEqual([expect.stringMatching(/warn .*bob@example.com/)]);
});

test("Drive's rate limit for sharing is waited for with a slow backoff", async () => {
  const { run, waits } = setUp([slower(), slower()]);
  expect(await run()).toEqual([]);
  expect(waits).toEqual([10_000, 30_000]);
});

test('all rules together wait at most three times', async () => {
  const { run, waits } = setUp([slower(), slower(), slower(), slower(), slower()]);
  expect(await run()).toHaveLength(2);
  expect(waits).toEqual([10_000, 30_000, 60_000]);
});

const notShown = (): CourierError => new CourierError('folder-not-found');

test('a new file that Drive shows late is shared after a short pause', async () => {
  const { run, waits } = setUp([notShown(), undefined, notShown(), notShown()]);
  expect(await run()).toEqual([]);
  // All rules share these pauses.
  expect(waits).toEqual([500, 1_500, 3_000]);
});

test('a file that Drive does not show is not shared, and the warning is about the file', async () => {
  const { run, waits } = setUp([notShown(), notShown(), notShown(), notShown()]);
  expect(await run({}, RULES.slice(0, 1))).toEqual([
    'Not shared with the group as reader: Drive does not show the file.',
  ]);
  expect(waits).toEqual([500, 1_500, 3_000]);
});

test('a file that is shown late is not waited for after the deadline, or after the caller has left', async () => {
  const late = setUp([notShown(), notShown()]);
  expect(await late.run({ deadlineMs: 5_600 }, RULES.slice(0, 1))).toHaveLength(1);
  expect(late.waits).toEqual([500]);
  const left = setUp([notShown()]);
  expect(await left.run({ signal: AbortSignal.abort() }, RULES.slice(0, 1))).toHaveLength(1);
  expect(left.calls).toHaveLength(1);
});

test('no wait begins that would end after the deadline', async () => {
  const { run, waits } = setUp([slower(), slower(), slower()]);
  expect(await run({ deadlineMs: 30_000 })).toHaveLength(2);
  expect(waits).toEqual([10_000]);
});

test('after the caller has disconnected, the file is still shared but without waits', async () => {
  const { run, calls } = setUp([slower()]);
  expect(await run({ signal: AbortSignal.abort() })).toHaveLength(1);
  expect(calls).toHaveLength(4);
});

test('an unexpected error is also a warning', async () => {
  const { run } = setUp([new TypeError('oops') as unknown as CourierError]);
  expect(await run()).toEqual([expect.stringMatching(/^Not shared with the group as reader: /)]);
});

test('a retention that cannot start is logged, and the delivery does not notice', async () => {
  const log = createKeptLog();
  const faulty = {
    get path(): string {
      throw new Error('a fault of ours');
    },
  };
  const dependencies = { log } as unknown as Parameters<typeof startRetention>[0];
  const request = { destination: { config: { keep: [faulty] } }, path: '' };
  startRetention(dependencies, request as unknown as Parameters<typeof startRetention>[1]);
  for (let turn = 0; turn < 200 && log.lines.length === 0; turn++) await new Promise((next) => setTimeout(next, 5));
  expect(log.lines).toEqual([expect.stringMatching(/^warn /)]);
});

const FILE = { id: 'f1', modifiedTime: '' };

/** A request to a destination that shares its files with a domain. */
const requestTo = (drive: object, change: object): ResolvedRequest => {
  const config = destinationSchema.parse({
    ...{ folder: '0AbCdEf', credentials: 'main', callers: ['a@example.com'], share: RULES.slice(2, 3) },
    ...change,
  });
  return { destination: { drive, config }, details: {} } as unknown as ResolvedRequest;
};

test.each<[string, object, 'created' | 'skipped', boolean, string[]]>([
  ['created', {}, 'created', true, ['restrict f1', 'share f1']],
  ['replaced', {}, 'created', false, ['restrict f1']],
  ['left unchanged', {}, 'skipped', false, []],
  ['created, without restrictions', { readOnly: false }, 'created', true, ['share f1']],
])('a file that was %s is restricted first, and then shared', async (_, change, outcome, isNew, expected) => {
  const calls: string[] = [];
  const drive = {
    policy: async () => ({ restrict: async ({ id }: { id: string }) => void calls.push(`restrict ${id}`) }),
    share: async (id: string) => void calls.push(`share ${id}`),
  };
  const context = {
    ...{ request: requestTo(drive, { readOnly: true, ...change }), context: {}, log: createKeptLog() },
    now: () => 0,
  };
  expect(await restrictAndShare(context, { file: FILE, isNew, outcome })).toEqual([]);
  expect(calls).toEqual(expected);
});

test.each([
  ['is waited for', 60_000, [10_000]],
  ['is not waited for', 8_000, []],
])(
  'a rate limit %s by the clock of the delivery, which may be ahead of one that was set back',
  async (_, leftMs, waits) => {
    const nowMs = Date.now() + 600_000;
    const answers = [slower()];
    const share = async (): Promise<void> => {
      const error = answers.shift();
      if (error !== undefined) throw error;
    };
    const waited: number[] = [];
    const context = {
      ...{ request: requestTo({ share }, {}), context: { deadlineMs: nowMs + leftMs }, log: createKeptLog() },
      ...{ now: () => nowMs, sleep: async (ms: number) => void waited.push(ms) },
    };
    const warnings = await restrictAndShare(context, { file: FILE, isNew: true, outcome: 'created' });
    expect([waited, warnings.length]).toEqual([waits, 1 - waits.length]);
  },
);
