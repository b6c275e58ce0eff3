import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { firstCells } from '../../../src/sheets/a1.ts';
import { keyOf, type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

let world: SheetsInTime;
beforeAll(async () => {
  world = await startSheetsInTime();
});
afterAll(() => world?.close());

test('the range of rows is complete for a tab whose name has the characters of ranges', async () => {
  const id = await world.create();
  const courier = world.instance();
  const csv = `n\n${Array.from({ length: 21 }, (_, n) => n).join('\n')}\n`;
  for (const [index, tab] of ["10:30, it's!A9", 'Plain'].entries()) {
    const append = world.append(courier, id, { key: keyOf(`range-${index}`), csv, tab, maxBatchBytes: 820 });
    const { range } = await world.run(append);
    expect(range).toBe(index === 0 ? "'10:30, it''s!A9'!A2:A22" : 'Plain!A2:A22');
    expect(firstCells(range)).toBe('A2:A22');
  }
  expect(firstCells("'a,b'!C1,'a,b'!D7:E8")).toBe('C1');
});
