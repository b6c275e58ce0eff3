import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { destination as destinationSchema } from '../../../src/config/schema/destination.ts';
import { type Destination, keepMark, keepRuleOf } from '../../../src/delivery/resolve-options.ts';
import { applyRetention, expiredOf } from '../../../src/delivery/retention.ts';
import type { CallContext, DriveFile } from '../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const NOW_MS = Date.parse('2026-11-29T12:00:00Z');
const DAY_MS = 86_400_000;

const file = (id: string, daysAgo: number): DriveFile => ({
  ...{ id, name: id, mimeType: 'text/plain', size: 1, parents: ['f'], trashed: false, webViewLink: '' },
  ...{ md5Checksum: undefined, sha256Checksum: undefined, headRevisionId: undefined },
  ...{ createdTime: '1970-01-01T00:00:00.000Z', modifiedTime: '1970-01-01T00:00:00.000Z' },
  appProperties: { courierAt: new Date(NOW_MS - daysAgo * DAY_MS).toISOString() },
});
/** Five files, delivered 0, 10, 20, 30 and 40 days ago. */
const FILES = [20, 0, 40, 10, 30].map((daysAgo) => file(`d${daysAgo}`, daysAgo));
const expired = (rule: { last?: number; days?: number }, files = FILES) =>
  expiredOf(files, { path: '**', ...rule }, NOW_MS).map(({ id }) => id);

test.each<[{ last?: number; days?: number }, string[]]>([
  [{ last: 5 }, []],
  [{ last: 3 }, ['d40', 'd30']],
  [{ last: 1 }, ['d40', 'd30', 'd20', 'd10']],
  [{ days: 25 }, ['d40', 'd30']],
  [{ days: 40 }, []],
  [{ last: 4, days: 15 }, ['d40']],
  [{ last: 1, days: 35 }, ['d40']],
])('the rule %j lets go of %j, the oldest first', (rule, ids) => {
  expect(expired(rule)).toEqual(ids);
});

test('the newest file is never let go, however old it is', () => {
  expect(expired({ days: 1 }, [file('old', 900), file('older', 901)])).toEqual(['older']);
  expect(expired({ days: 1 }, [file('only', 900)])).toEqual([]);
  const rules = fc.record({ last: fc.integer({ min: 1, max: 9 }), days: fc.integer({ min: 1, max: 50 }) });
  const ages = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(rules, ages, (rule, days) => {
      const files = days.map((daysAgo, index) => file(`f${index}`, daysAgo));
      const kept = files.length - expired(rule, files).length;
      expect(kept).toBeGreaterThanOrEqual(Math.min(files.length, rule.last));
    }),
  );
});

test('a time that a caller chose for the file changes nothing, and a file without the time of its delivery stays', () => {
  const chosen = { ...file('chosen', 0), createdTime: '1971-01-01T00:00:00Z', modifiedTime: '1971-01-01T00:00:00Z' };
  expect(expired({ days: 5 }, [chosen, file('other', 1), { ...file('unmarked', 90), appProperties: {} }])).toEqual([]);
});

const destinationWith = (keep: unknown, name = 'reports'): Destination =>
  ({
    name,
    config: destinationSchema.parse({ folder: 'folder', credentials: 'main', callers: ['a@example.com'], keep }),
  }) as Destination;

describe('rules', () => {
  const LIST = [
    { path: 'daily/*', last: 7 },
    { path: 'reports/**', days: 90 },
    { path: '*/archive/**/x', last: 1 },
  ];

  test.each<[string, string | undefined]>([
    ['daily/north', 'daily/*'],
    ['daily', undefined],
    ['daily/north/2026', undefined],
    ['reports', 'reports/**'],
    ['reports/2026/11', 'reports/**'],
    ['a/archive/x', '*/archive/**/x'],
    ['a/archive/b/c/x', '*/archive/**/x'],
    ['a/archive/b/c/y', undefined],
    ['', undefined],
  ])('of the path %j: %j', (path, pattern) => {
    expect(keepRuleOf(destinationWith(LIST), path)?.path).toBe(pattern);
  });

  test('a rule without a path is for all of them', () => {
    const destination = destinationWith({ last: 3 });
    for (const path of ['', 'a', 'a/b']) expect(keepRuleOf(destination, path)).toEqual({ path: '**', last: 3 });
  });

  test('have marks of their own in each destination and for each pattern', () => {
    const [one, other] = [
      { path: '**', last: 1 },
      { path: 'a/**', last: 1 },
    ];
    const marks = [keepMark({ name: 'a' }, one), keepMark({ name: 'b' }, one), keepMark({ name: 'a' }, other)];
    expect(new Set(marks).size).toBe(3);
    expect(keepMark({ name: 'a' }, { ...one, last: 9 })).toBe(marks[0]);
  });

  test.each([{}, { path: 'a' }, { last: 0 }, { days: 0 }, { last: 1.5 }, { last: 1, months: 1 }, [{ last: 1 }, {}]])(
    '%j is rejected',
    (keep) => {
      expect(() => destinationWith(keep)).toThrow();
    },
  );
});

describe('files that the rule lets go of', () => {
  const RULE = { path: '**', last: 1 };
  const kept = destinationWith(RULE);
  const marked = (id: string, daysAgo: number, change: Partial<DriveFile> = {}): DriveFile => {
    const { appProperties, ...rest } = file(id, daysAgo);
    const marks = { courierKeep: keepMark(kept, RULE), courierFolder: 'f' };
    return { ...rest, appProperties: { ...appProperties, ...marks }, ...change };
  };
  const found = [marked('new', 0), marked('old', 9)];

  const apply = async (
    files: readonly DriveFile[],
    get: (id: string) => DriveFile | undefined,
    {
      pauseMs = 0,
      wait = () => undefined,
      attempts = 1,
      answer = 200,
    }: { pauseMs?: number; wait?: () => void; attempts?: number; answer?: number } = {},
  ) => {
    let pausedMs = 0;
    const trashed: string[] = [];
    const deadlines: (number | undefined)[] = [];
    const drive = {
      now: () => NOW_MS,
      findMarked: async () => files,
      async get(id: string) {
        pausedMs = pauseMs;
        return get(id);
      },
      async trash(id: string, { deadlineMs, beforeSend, signal, onSend }: CallContext) {
        for (let attempt = 1; attempt <= attempts; attempt++) {
          wait();
          await beforeSend?.();
        }
        signal?.throwIfAborted();
        // 0: there is none.
        onSend?.()?.(answer === 0 ? undefined : answer);
        trashed.push(id);
        deadlines.push(deadlineMs);
      },
    } as unknown as Destination['drive'];
    const now = (): number => NOW_MS + pausedMs;
    const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    const log = createKeptLog();
    const ledger = createMemoryLedger({ now });
    await applyRetention({ ledger, log, now, sleep }, { ...kept, drive }, '');
    const isLeased = (await ledger.read('write:old')) !== undefined;
    return { trashed, deadlines, isLeased, lines: log.lines };
  };

  test.each<[string, DriveFile | undefined, string[]]>([
    ['go to the trash', found[1], ['old']],
    ['that were removed already are ignored', undefined, []],
    ['stay where a person has moved them since the search', marked('old', 9, { parents: ['theirs'] }), []],
    ['stay where they are in the trash already', marked('old', 9, { trashed: true }), []],
    ['stay where another delivery has replaced them since the search', marked('old', 0), []],
  ])('%s', async (_, shown, expected) => {
    const { trashed, deadlines, lines } = await apply(found, () => shown);
    expect(trashed).toEqual(expected);
    for (const deadlineMs of deadlines) expect(deadlineMs).toBeGreaterThan(NOW_MS);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('stay if the process was paused after it looked, because they may have been replaced since', async () => {
    expect((await apply(found, () => found[1], { pauseMs: 19_999 })).trashed).toEqual(['old']);
    expect((await apply(found, () => found[1], { pauseMs: 20_000 })).trashed).toEqual([]);
  });

  test.each<[string, DriveFile]>([
    ['has moved them', marked('old', 9, { parents: ['theirs'] })],
    ['has replaced them', marked('old', 0)],
  ])('stay if somebody %s while the request waited for its turn', async (_, later) => {
    let [shown] = [found[1]];
    const wait = (): void => {
      shown = later;
    };
    const { trashed, lines } = await apply(found, () => shown, { wait });
    expect(trashed).toEqual([]);
    expect(lines).toEqual([]);
  });

  test('that an attempt without an answer has put into the trash have an audit line as well', async () => {
    let waits = 0;
    const wait = (): void => {
      waits += 1;
    };
    const shown = () => (waits === 1 ? found[1] : marked('old', 9, { trashed: true }));
    const { trashed, lines } = await apply(found, shown, { wait, attempts: 2 });
    expect(trashed).toEqual(['old']);
    expect(lines.filter((line) => line.includes('"outcome":"trashed"'))).toHaveLength(1);
  });

  test.each([
    [200, false],
    [403, false],
    [503, true],
    [0, true],
  ])('are kept from deliveries afterwards if the request may still take effect: %d, %p', async (answer, isLeased) => {
    expect((await apply(found, () => found[1], { answer })).isLeased).toBe(isLeased);
  });

  test('go to the trash twenty at a time, the oldest first, each with an audit line', async () => {
    const files = Array.from({ length: 30 }, (_, daysAgo) => marked(`f${daysAgo}`, daysAgo));
    const { trashed, lines } = await apply(files, (id) => files.find((each) => each.id === id));
    expect(trashed).toEqual(Array.from({ length: 20 }, (_, at) => `f${29 - at}`));
    expect(lines.filter((line) => line.includes('"outcome":"trashed"'))).toHaveLength(20);
  });
});
