import { closedRange } from './a1.ts';
import { type GridRange, hasData, type Tab } from './model.ts';

type Area = ReturnType<typeof closedRange>;

const isFilled = ({ rows }: Tab, row: number, column: number): boolean => hasData(rows[row]?.[column]);

const rowHasData = (tab: Tab, row: number, from: number, to: number): boolean => {
  for (let column = from; column < to; column += 1) if (isFilled(tab, row, column)) return true;
  return false;
};

const columnHasData = (tab: Tab, column: number, from: number, to: number): boolean => {
  for (let row = from; row < to; row += 1) if (isFilled(tab, row, column)) return true;
  return false;
};

/** The first filled cell of an area, from the last row upwards: the table that ends the data is the one to append to. */
function lastFilled(
  tab: Tab,
  { startRowIndex, endRowIndex, startColumnIndex, endColumnIndex }: Area,
): [number, number] | undefined {
  for (let row = Math.min(endRowIndex, tab.rows.length) - 1; row >= startRowIndex; row -= 1)
    for (let column = startColumnIndex; column < endColumnIndex; column += 1)
      if (isFilled(tab, row, column)) return [row, column];
  return undefined;
}

/**
 * The table that a range touches: filled cells, grown over all cells that adjoin them, also diagonally, until an empty row or
 * column. Source: sheets/api/guides/values#append-values ("the input range is used to search for existing data and find a
 * 'table' within that range"); with several tables in the range, "Sheet1" finds the last one. How exactly Sheets grows a table
 * is not documented.
 */
export function tableWithin(tab: Tab, range: GridRange): Area | undefined {
  const found = lastFilled(tab, closedRange(tab, range));
  if (found === undefined) return undefined;
  let [top, left] = found;
  let [bottom, right] = [top + 1, left + 1];
  for (let grown = true; grown; ) {
    grown = false;
    const [from, to] = [Math.max(0, left - 1), right + 1];
    while (top > 0 && rowHasData(tab, top - 1, from, to)) [top, grown] = [top - 1, true];
    while (bottom < tab.rows.length && rowHasData(tab, bottom, from, to)) [bottom, grown] = [bottom + 1, true];
    const [first, last] = [Math.max(0, top - 1), bottom + 1];
    while (left > 0 && columnHasData(tab, left - 1, first, last)) [left, grown] = [left - 1, true];
    while (right < tab.columnCount && columnHasData(tab, right, first, last)) [right, grown] = [right + 1, true];
  }
  return { sheetId: tab.id, startRowIndex: top, endRowIndex: bottom, startColumnIndex: left, endColumnIndex: right };
}
