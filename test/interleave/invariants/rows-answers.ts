import { isDeepStrictEqual } from 'node:util';
import type { Receipt, SheetReceipt } from '../../../src/domain.ts';
import { type Attempt, identityOf, type RowsWrite } from '../monitor.ts';
import { rowNames } from '../rows.ts';
import { type Facts, violate } from './facts.ts';
import { isChangedByPerson, isRemoved, writesOfRows } from './rows-facts.ts';

/** The first and the last row of each range in A1 notation, from 1. */
const rowsInRanges = (range: string): [number, number][] =>
  range.split(',').map((part) => {
    const [, first = '', last = first] = /!\$?[A-Z]+(\d+)(?::[A-Z]+(\d+))?$/.exec(part) ?? [];
    return [Number(first), Number(last)];
  });

/** The same of the changes that have written the rows. Those that follow each other are one range. */
const rowsWritten = (writes: readonly RowsWrite[]): [number, number][] => {
  const ranges: [number, number][] = [];
  let former: RowsWrite | undefined;
  for (const write of writes) {
    const { start, names, sheetId } = write;
    const open = ranges.at(-1);
    if (open !== undefined && former?.sheetId === sheetId && open[1] === start) open[1] += names.length;
    else ranges.push([start + 1, start + names.length]);
    former = write;
  }
  return ranges;
};

/** R3: the rows of a larger delivery are in one piece, unless it was interrupted or a person has changed the sheet. */
const checkPiece = (facts: Facts, identity: string, writes: readonly RowsWrite[]): void => {
  const [first] = writes;
  const last = writes.at(-1);
  if (first === undefined || last === undefined || rowsWritten(writes).length === 1) return;
  const tries = facts.monitor.attempts.filter(
    (attempt) => identityOf(attempt) === identity && attempt.startStep < last.step,
  );
  if (tries.length === 1 && !isChangedByPerson(facts, first.fileId))
    violate(facts, 'R3.piece', `the rows of ${identity} are not in one piece, and nothing has interrupted it`);
};

/** R3: the rows of a delivery are in one tab, and the receipt names it. */
const checkTab = (facts: Facts, writes: readonly RowsWrite[], { tab, range }: SheetReceipt, claimed: string): void => {
  if (new Set(writes.map(({ sheetId }) => sheetId)).size > 1)
    violate(facts, 'R3.tab', `${claimed} at ${range}; they were written into several tabs`);
  const isIn = (part: string): boolean => [`${tab}!`, `'${tab}'!`].some((prefix) => part.startsWith(prefix));
  if (range !== '' && !range.split(',').every(isIn)) violate(facts, 'R3.tab', `${claimed} in ${tab}, at ${range}`);
};

/** R3: a receipt names rows that were written, all of them, and where. */
export const checkRowsReceipt = (facts: Facts, attempt: Attempt, receipt: Receipt, where: string): void => {
  const { spec } = attempt;
  const names = rowNames(spec);
  const { id, sheet } = receipt;
  const writes = writesOfRows(facts, spec.bytes, id).filter((write) => !isRemoved(facts, write));
  const written = writes.flatMap((write) => write.names);
  const claimed = `${where} says that ${facts.labels.file(id)} has the ${names.length} rows of ${spec.bytes}`;
  if (sheet === undefined || sheet.spreadsheetId !== id || sheet.rows !== names.length) {
    violate(facts, 'R3', `${claimed}, and has: ${JSON.stringify(sheet)}`);
    return;
  }
  if (!names.every((name) => written.includes(name))) {
    violate(facts, 'R3', `${claimed}; it was given only: ${written.join(' ') || 'none'}`);
    return;
  }
  // A delivery without a key may have been sent before.
  if (spec.key === undefined || written.length > names.length) return;
  checkTab(facts, writes, sheet, claimed);
  const places = rowsWritten(writes);
  // A person may have deleted the tab, which then has no range.
  const tabs = facts.sheetOf(id)?.map((tab) => tab.id) ?? [];
  const left = rowsWritten(writes.filter(({ sheetId }) => tabs.includes(sheetId)));
  if (sheet.range === '' && left.length === 0) return;
  if (![places, left].some((expected) => isDeepStrictEqual(rowsInRanges(sheet.range), expected)))
    violate(facts, 'R3.range', `${claimed} at ${sheet.range}; they were written at ${JSON.stringify(places)}`);
  checkPiece(facts, identityOf(attempt), writes);
};

/** Whether an error is the result of what a person has done to the destination's spreadsheet. */
export const isMistakeOfRows = ({ scenario: { base, person } }: Pick<Facts, 'scenario'>, code: string): boolean => {
  if (base !== 'spreadsheet') return false;
  return code === 'folder-invalid'
    ? person.includes('trash')
    : code === 'folder-not-found' && person.includes('delete');
};
