import { expect, test } from '@jest/globals';
import { type ChangeRequest, changeBody } from '../../../../src/sheets/changes/change-body.ts';

const cells = (rows: number, width: number) => ({
  updateCells: {
    range: { sheetId: 1 },
    rows: Array.from({ length: rows }, (_, row) => ({
      values: Array.from({ length: width }, () => ({ userEnteredValue: { stringValue: `"${row}\u2028` } })),
    })),
    fields: 'userEnteredValue',
  },
});
const format = (column: number) => ({ repeatCell: { column } });
const formats = Array.from({ length: 11_000 }, (_, column) => format(column));

test.each<[string, readonly object[]]>([
  ['nothing', []],
  ['small requests', [cells(2, 2), format(1)]],
  ['large requests among others', [format(1), cells(9_000, 3), cells(600, 0), ...formats, cells(1, 1)]],
  ['a large one at the end', [...formats, cells(5_001, 1)]],
])('the body of a change is its JSON: %s', async (_, requests) => {
  const body = await changeBody(requests as ChangeRequest[]);
  expect(JSON.parse(body.toString())).toEqual({ requests });
});

test('other work is done while a large change is written', async () => {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const requests = [cells(50_000, 2)];
  await changeBody(requests as ChangeRequest[]);
  isOver = true;
  expect(turns).toBeGreaterThan(20);
});
