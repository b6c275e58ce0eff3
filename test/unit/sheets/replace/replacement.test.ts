import { describe, expect, jest, test } from '@jest/globals';
import { createMarkRequest } from '../../../../src/sheets/changes/marks.ts';
import { prepareReplacement } from '../../../../src/sheets/replace/prepare-replacement.ts';
import type { Batch } from '../../../../src/sheets/rows/batches.ts';
import type { GroupWriter, Job } from '../../../../src/sheets/changes/job.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const KEY = 'k'.repeat(32);
const NOW_MS = Date.parse('2026-11-29T06:00:00Z');
const columns = ['a', 'b'];
const BATCH: Batch = {
  ...{ index: 0, isLast: true, header: columns, columns, cost: 100, digest: 'digest-1' },
  rows: [{ columns, cells: ['=1', null] }],
};
const GRID = { properties: { sheetId: 4, title: 'Data', gridProperties: { rowCount: 1, columnCount: 1 } } };

/** A spreadsheet as Sheets describes it, and the change that is prepared for it. */
const prepared = async (spreadsheet: object, change: Partial<Job> = {}) => {
  const done = jest.fn<Job['done']>();
  const fail = jest.fn<Job['fail']>();
  const get = async () => spreadsheet;
  const searchMetadata = async () => ({});
  const writer = {
    ...{ client: { get, searchMetadata }, spreadsheetId: 's', withMarks: true, log: createKeptLog() },
    ...{ now: () => NOW_MS, wall: () => NOW_MS, isFinished: () => false, ledgerMs: 14 * 86_400_000 },
  } as unknown as GroupWriter;
  const job: Job = {
    ...{ batch: BATCH, key: KEY, columns: 'extend', tab: undefined, mayBeDone: false, isSuperseded: undefined },
    ...{ askedAtMs: NOW_MS, isOpen: () => true, done, fail, ...change },
  };
  return { result: await prepareReplacement(writer, [job], {}), done, fail };
};

describe('the change that replaces the values of a tab', () => {
  test('writes the rows, clears the rest, enlarges the grid and marks the delivery, in one request', async () => {
    const hidden = { properties: { sheetId: 0, title: 'Hidden', hidden: true } };
    const { result } = await prepared({ sheets: [hidden, GRID] });
    const text = (stringValue: string) => ({ userEnteredValue: { stringValue } });
    const rows = [{ values: [text('a'), text('b')] }, { values: [text('=1'), {}] }];
    expect(result?.change.requests.slice(0, 3)).toEqual([
      { appendDimension: { sheetId: 4, dimension: 'ROWS', length: 1 } },
      { appendDimension: { sheetId: 4, dimension: 'COLUMNS', length: 1 } },
      { updateCells: { range: { sheetId: 4 }, rows, fields: 'userEnteredValue' } },
    ]);
    expect(result?.change.requests).toHaveLength(4);
    expect(result?.change.requests[3]).toHaveProperty('createDeveloperMetadata');
    expect(result?.change.growth).toEqual({ cells: 3, columnCount: 2 });
  });

  test('is not made for a delivery that another try has answered since: a later one may have replaced its values', async () => {
    const { result, done, fail } = await prepared({ sheets: [GRID] }, { isSuperseded: async () => true });
    expect(result).toBeUndefined();
    expect([done.mock.calls.length, fail.mock.calls.length]).toEqual([0, 1]);
  });

  test('is not made a second time: the mark is the answer, even if the tab was renamed or removed', async () => {
    const size = { rows: 1, width: 2, sheetId: 4, startRow: 1 };
    const mark = { key: KEY, batch: 0, isLast: true, ...size, digest: 'digest-1', writtenAtMs: NOW_MS };
    const { developerMetadata } = createMarkRequest(7, mark).createDeveloperMetadata;
    const merged = { ...GRID, merges: [{ endRowIndex: 2, endColumnIndex: 2 }] };
    const { result, done } = await prepared({ sheets: [merged], developerMetadata: [developerMetadata] });
    expect(result).toBeUndefined();
    expect(done).toHaveBeenCalledWith(expect.objectContaining({ range: 'Data!A2:B2', isRepeated: true }));
  });

  test.each<[string, object, object]>([
    [
      'a tab that is a chart',
      { sheets: [{ properties: { ...GRID.properties, sheetType: 'OBJECT' } }] },
      { reason: 'no-grid' },
    ],
    [
      'merged cells',
      { sheets: [{ ...GRID, merges: [{ endRowIndex: 1, endColumnIndex: 2 }] }] },
      { reason: 'merged-cells' },
    ],
    [
      'too many cells',
      {
        sheets: [
          GRID,
          { properties: { sheetId: 1, title: 'x', gridProperties: { rowCount: 9_999_997, columnCount: 1 } } },
        ],
      },
      { code: 'sheet-full', facts: { cells: '9999998', needed: '3', limit: '10000000' } },
    ],
  ])('is refused for %s', async (_, spreadsheet, error) => {
    await expect(prepared(spreadsheet)).rejects.toMatchObject(error);
  });

  test('leaves merged cells outside of the rows alone', async () => {
    const merges = [{ startRowIndex: 2, endRowIndex: 4, startColumnIndex: 0, endColumnIndex: 2 }];
    expect((await prepared({ sheets: [{ ...GRID, merges }] })).result).toBeDefined();
  });
});
