import { expect, test } from '@jest/globals';
import type { GoogleRequest } from '../../../src/google/transport.ts';
import { createSheets } from '../../../src/sheets/create-sheets.ts';
import { batchesOf } from '../../../src/sheets/rows/batches.ts';
import { readRows } from '../../../src/sheets/rows/read-rows.ts';
import { createKeptLog } from '../../support/kept-log.ts';

/** A change is sent right after the look at the tab that it follows from: people may move columns at any time. */

const KEY = 'k'.repeat(32);

const bytes = async function* (): AsyncGenerator<Uint8Array> {
  yield Buffer.from('day,orders\nmon,3\n');
};

interface Setting {
  /** The status of each change; 200 for further ones. */
  statuses?: number[];
  mayBeDone?: boolean;
  /** Milliseconds for each answer of the ledger; 0 for further ones. */
  ledgerMs?: number[];
  /** Milliseconds for each search for marks, and for each read of the spreadsheet's size. */
  searchMs?: number;
  sizeMs?: number;
  /** Replaces the values of the tab instead. */
  isReplacement?: boolean;
  /** Gets what happens, in order. */
  events?: string[];
}

/** As the retry policy: seven attempts. */
const MAX_ATTEMPTS = 7;

const write = async ({
  statuses: given = [],
  mayBeDone = false,
  ledgerMs = [],
  searchMs = 0,
  sizeMs = 0,
  isReplacement = false,
  events = [],
}: Setting) => {
  const statuses = [...given];
  let nowMs = 1_000_000;
  let lookedAtMs = 0;
  const ages: number[] = [];
  const answer = (status: number, body: object = {}) => ({
    status,
    headers: {},
    body: Buffer.from(JSON.stringify(body)),
  });
  const grid = { rowCount: 100, columnCount: 5 };
  const properties = { sheetId: 7, title: 'Sheet1', index: 0, sheetType: 'GRID', gridProperties: grid };
  const send = async (request: GoogleRequest) => {
    await request.beforeAttempt?.();
    if (request.operation === 'sheets.spreadsheets.batchUpdate') {
      events.push('change');
      ages.push(nowMs - lookedAtMs);
      return answer(statuses.shift() ?? 200);
    }
    if (request.operation === 'sheets.developerMetadata.search') {
      events.push('search');
      nowMs += searchMs;
      return answer(200);
    }
    if (!request.url.includes('ranges=') && isReplacement) {
      // The look of a replacement is at the outlines of all tabs.
      events.push('look');
      lookedAtMs = nowMs;
      return answer(200, { sheets: [{ properties }] });
    }
    if (!request.url.includes('ranges=')) {
      events.push('size');
      nowMs += sizeMs;
      return answer(200, { sheets: [{ properties }] });
    }
    // The first row is read with each look; without a hint, other reads find the last row.
    if (/1%3A1(?!\d)/.test(request.url)) {
      events.push('look');
      lookedAtMs = nowMs;
    } else events.push('rows');
    const header = { values: ['day', 'orders'].map((formattedValue) => ({ formattedValue })) };
    return answer(200, { sheets: [{ properties, data: [{ rowData: [header] }] }] });
  };
  const spend = async (): Promise<void> => undefined;
  const again = async ({ attempt }: { attempt: number }): Promise<boolean> => attempt < MAX_ATTEMPTS;
  const transport = { send, again } as unknown as Parameters<typeof createSheets>[0]['transport'];
  const lease = {
    signal: new AbortController().signal,
    check: () => undefined,
    release: async () => undefined,
    abandon: async () => undefined,
  };
  const sheets = createSheets({
    ...{ transport, now: () => nowMs, wall: () => nowMs, log: createKeptLog(), ledgerMs: 1e9, lock: async () => lease },
    createPace: () => ({ spend, slowDown: () => undefined }),
    requestsPerMinute: Number.POSITIVE_INFINITY,
    auth: {
      async token() {
        events.push('token');
        return 'token';
      },
      rejected: () => undefined,
      account: () => 'a@example.com',
      rotated: () => undefined,
    },
  });
  const request = {
    ...{ spreadsheetId: 'one', key: KEY, mayBeDone, context: {} },
    batches: batchesOf(readRows(bytes(), { mimeType: 'text/csv', dates: false })),
    async isSuperseded() {
      nowMs += ledgerMs.shift() ?? 0;
      return false;
    },
  };
  const written = await (isReplacement ? sheets.replace(request) : sheets.append({ ...request, columns: 'extend' }));
  return { rows: written.rows, events, ages };
};

test('the token of a change is there before the look', async () => {
  const { rows, events, ages } = await write({});
  expect([rows, ages]).toEqual([1, [0]]);
  // Each read has a token of its own.
  expect(events.slice(events.lastIndexOf('look'))).toEqual(['look', 'token', 'rows', 'token', 'size', 'change']);
});

test('after a change that was refused because of its token, the tab is looked at again', async () => {
  const { rows, events } = await write({ statuses: [401] });
  expect(rows).toBe(1);
  expect(events.slice(events.indexOf('change'))).toEqual([
    ...['change', 'token', 'token', 'look', 'token', 'rows', 'token', 'search', 'change'],
  ]);
});

test.each([
  ['a refusal, of which two end the rows', [401, 400]],
  ['a refusal if it comes second', [400, 401]],
  ['a refusal each time', [401, 400, 401]],
  ['an attempt, of which seven end the rows', [503, 503, 503, 503, 503, 401, 503]],
])('a change that was refused because of its token does not count as %s', async (_, statuses) => {
  const { rows, events } = await write({ statuses });
  expect([rows, events.filter((event) => event === 'change').length]).toEqual([1, statuses.length + 1]);
});

test.each([
  ['first', [401, 401], 2],
  ['after a refusal', [400, 401, 401], 3],
])('a change whose second token in a row is rejected is not sent again: %s', async (_, statuses, changes) => {
  const events: string[] = [];
  await expect(write({ statuses, events })).rejects.toMatchObject({ code: 'key-revoked' });
  expect(events.filter((event) => event === 'change').length).toBe(changes);
});

test.each<[string, Setting]>([
  ['the ledger', { mayBeDone: true, ledgerMs: [20_000] }],
  ['the search for marks', { mayBeDone: true, searchMs: 20_000 }],
  ["the spreadsheet's size", { sizeMs: 20_000 }],
])('the tab is looked at again if the answer about %s took long', async (_, setting) => {
  const { rows, events, ages } = await write(setting);
  expect(rows).toBe(1);
  expect(ages).toEqual([0]);
  for (const event of ['search', 'size']) {
    expect(events.filter((each) => each === event).length).toBeLessThanOrEqual(1);
  }
});

test.each<[string, Setting]>([
  ['the ledger', { ledgerMs: [20_000] }],
  ['the search for marks', { mayBeDone: true, searchMs: 20_000 }],
])('the tabs are looked at again before values are replaced if the answer of %s took long', async (_, setting) => {
  const { rows, events, ages } = await write({ isReplacement: true, ...setting });
  expect([rows, ages]).toEqual([1, [0]]);
  expect(events.filter((event) => event === 'search').length).toBeLessThanOrEqual(1);
});

test('values are replaced after one look if all answers are quick', async () => {
  const { rows, events } = await write({ isReplacement: true, ledgerMs: [1_000] });
  expect([rows, events.filter((event) => event === 'look').length]).toEqual([1, 1]);
});

test.each([false, true])(
  'a ledger that is always slow does not keep rows from being written: %s',
  async (isReplacement) => {
    const slow = { mayBeDone: true, ledgerMs: Array.from({ length: 99 }, () => 20_000) };
    const { rows, events } = await write({ isReplacement, ...slow });
    expect([rows, events.filter((event) => event === 'look').length]).toEqual([1, 3]);
  },
);
