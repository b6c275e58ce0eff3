import { isDeepStrictEqual } from 'node:util';
import type { Row, Tab } from '../../../local/google/sheets/workbook/model.ts';
import { firstAck, type RowsWrite } from '../monitor.ts';
import { rowNames } from '../rows.ts';
import type { SheetChange } from '../schedules/sheet-history.ts';
import { type Facts, violate } from './facts.ts';
import { deliveryOfRow, isAsSent, isExactly, isRemoved, type RowsOf, textsOf, writesOfRows } from './rows-facts.ts';

/** Columns were inserted after the last one of the header: the rows without them. */
const withoutNewColumns = (before: Tab | undefined, { rows }: Tab): readonly Row[] => {
  const [known, now] = [before?.rows[0]?.length ?? 0, rows[0]?.length ?? 0];
  if (known === 0 || now <= known) return rows;
  const cut = (row: Row): Row => {
    const kept = row.toSpliced(known, now - known);
    while (kept.length > 0 && (kept.at(-1) ?? null) === null) kept.pop();
    return kept;
  };
  return rows.map(cut);
};

interface Inserted {
  index: number;
  row: Row;
}

/** The rows that a tab has besides the former ones; undefined if a former one is missing, or in another order. */
const insertedRows = (before: Tab | undefined, after: Tab): Inserted[] | undefined => {
  const former = before?.rows ?? [];
  const compared = withoutNewColumns(before, after);
  const inserted: Inserted[] = [];
  let next = 0;
  for (const [index, row] of after.rows.entries()) {
    if (next < former.length && isDeepStrictEqual(compared[index], former[next])) next += 1;
    else inserted.push({ index, row });
  }
  return next === former.length ? inserted : undefined;
};

/** The last ledger call that the author of a change made before it. */
const lookedAt = ({ ledgerCalls }: Facts, { author, step }: Pick<RowsWrite, 'author' | 'step'>): number =>
  ledgerCalls().findLast((call) => call.actor === author.actor && call.attempt === author.attempt && call.step < step)
    ?.step ?? 0;

const describe = ({ labels }: Facts, { names, fileId, start }: RowsWrite): string =>
  `${names[0]} to ${names.at(-1)} at row ${start + 1} of ${labels.file(fileId)}`;

/**
 * The second copy of rows whose first request had no answer and was sent again, where Sheets accepts a second mark with the
 * same id: a limit, see docs/decisions/row-marks.md.
 */
const isSecondCopy = (facts: Facts, { isUnanswered, spec, identity, names }: RowsWrite): boolean =>
  isUnanswered &&
  facts.scenario.acceptsSameIds &&
  writesOfRows(facts, spec.bytes).some((other) => other.identity === identity && isDeepStrictEqual(other.names, names));

/** R2: the rows of a delivery are written once. */
const checkOnce = (facts: Facts, write: RowsWrite): void => {
  const { monitor, history } = facts;
  const { spec, identity, names } = write;
  const ack = spec.key === undefined ? undefined : firstAck(monitor, identity);
  if (ack !== undefined)
    violate(facts, 'R2.copy', `${identity} was answered at step ${ack.step}, and now writes ${describe(facts, write)}`);
  // Rows that were in a spreadsheet which a person has deleted are nowhere.
  const earlier = writesOfRows(facts, spec.bytes).filter(
    (other) =>
      history.file(other.fileId) !== undefined &&
      !isRemoved(facts, other) &&
      other.names.some((name) => names.includes(name)),
  );
  // A request without a key is another delivery each time.
  const allowed =
    spec.key !== undefined ? 1 : monitor.attempts.filter(({ actor }) => identity === `actor ${actor}`).length;
  if (earlier.length >= allowed) {
    const [first] = earlier;
    const when = first === undefined ? '' : ` at step ${first.step}: ${describe(facts, first)}`;
    violate(facts, 'R2.double', `${describe(facts, write)}, which ${identity} has written before${when}`);
  }
};

/** R4: a replacement does not overwrite a newer one that was acknowledged. */
const checkOrder = (facts: Facts, write: RowsWrite): void => {
  const looked = lookedAt(facts, write);
  for (const ack of facts.monitor.acks) {
    const { spec } = ack.attempt;
    const last = writesOfRows(facts, spec.bytes, write.fileId).findLast(
      ({ kind, sheetId }) => kind === 'replace' && sheetId === write.sheetId,
    );
    if (last === undefined || last.identity === write.identity || last.step <= looked) continue;
    violate(
      facts,
      'R4',
      `${describe(facts, write)} after a look at step ${looked}, over ${describe(facts, last)}, answered at step ${ack.step}`,
    );
  }
};

const record = (facts: Facts, write: RowsWrite): void => {
  if (isSecondCopy(facts, write)) {
    facts.monitor.secondCopies.push(write);
    return;
  }
  checkOnce(facts, write);
  if (write.kind === 'replace') checkOrder(facts, write);
  facts.monitor.rowsWrites.push(write);
};

type Where = Pick<RowsWrite, 'fileId' | 'sheetId' | 'author' | 'step' | 'isUnanswered'>;

const recordReplacement = (facts: Facts, where: Where, tab: Tab, { spec, identity }: RowsOf): void => {
  if (!isExactly(tab, { spec })) violate(facts, 'R1', `${tab.title} does not have exactly the rows of ${identity}`);
  record(facts, { ...where, kind: 'replace', spec, identity, start: 1, names: rowNames(spec) });
};

/** Runs of rows of one delivery, each in one piece. */
const runsOf = (facts: Facts, inserted: readonly Inserted[]): { of: RowsOf; start: number; rows: Row[] }[] => {
  const runs: { of: RowsOf; start: number; rows: Row[] }[] = [];
  for (const { index, row } of inserted) {
    const of = deliveryOfRow(facts, row);
    const last = runs.at(-1);
    if (of === undefined) continue;
    if (last?.of.spec.bytes === of.spec.bytes && last.start + last.rows.length === index) last.rows.push(row);
    else runs.push({ of, start: index, rows: [row] });
  }
  return runs;
};

const recordAppends = (facts: Facts, where: Where, { title, rows }: Tab, inserted: readonly Inserted[]): void => {
  const runs = runsOf(facts, inserted);
  for (const { of, start, rows: written } of runs) {
    const { spec, identity } = of;
    const names = written.map((row) => textsOf(row)[0] ?? '');
    const all = rowNames(spec);
    const from = all.indexOf(names[0] ?? '');
    const isInOrder = isDeepStrictEqual(names, all.slice(from, from + names.length));
    const isTwice = runs.some((other) => other.of.spec.bytes === spec.bytes && other.start !== start);
    if (!isInOrder || isTwice || (spec.size === 'rows' && names.length < all.length))
      violate(facts, 'R2.whole', `${title} gets ${names} of ${identity}, not whole and in one piece`);
    if (!written.every((row) => isAsSent(of, rows[0], row)))
      violate(facts, 'R1', `rows of ${identity} in ${title} differ from what was sent`);
    record(facts, { ...where, kind: 'append', spec, identity, start, names });
  }
};

/** The header, or a row that is empty because a person has deleted rows since the courier has counted them. */
const isOther = ({ index, row }: Inserted): boolean => index === 0 || row.length === 0;

/** Checks one tab that a change of the courier has changed, and records whose rows it has written. */
const checkTab = (facts: Facts, where: Where, before: Tab | undefined, after: Tab): void => {
  const inserted = insertedRows(before, after);
  const isAppend = inserted?.every((one) => isOther(one) || deliveryOfRow(facts, one.row)?.spec.rule === 'append');
  if (inserted !== undefined && isAppend) {
    recordAppends(facts, where, after, inserted);
    return;
  }
  const replaced = after.rows[1] === undefined ? undefined : deliveryOfRow(facts, after.rows[1]);
  if (replaced?.spec.rule === 'replace') recordReplacement(facts, where, after, replaced);
  else violate(facts, 'R1', `rows or cells of ${after.title} that were there are lost or different`);
};

/** A change that has added a mark and has no effect on cells may be a replacement by the values that were there. */
const checkUnchanged = (facts: Facts, change: SheetChange): void => {
  const { before, after, author, fileId, step, isUnanswered } = change;
  const known = new Set(before.metadata.map(({ value }) => value));
  if (after.metadata.every(({ value }) => known.has(value))) return;
  for (const tab of after.tabs) {
    const of = tab.rows[1] === undefined ? undefined : deliveryOfRow(facts, tab.rows[1]);
    if (of?.spec.rule !== 'replace' || !isExactly(tab, of)) continue;
    recordReplacement(facts, { fileId, author, step, isUnanswered, sheetId: tab.id }, tab, of);
    return;
  }
};

/** Checks a change of a spreadsheet's content. */
export const checkSheetChange = (facts: Facts, change: SheetChange): void => {
  const { fileId, author, step, isUnanswered, before, after } = change;
  if (author.isPerson || author.actor === 'setup') return;
  for (const tab of before.tabs)
    if (!after.tabs.some(({ id, title }) => id === tab.id && title === tab.title))
      violate(facts, 'R1', `the tab ${tab.title} is gone`);
  const changed = after.tabs.flatMap((tab) => {
    const former = before.tabs.find(({ id }) => id === tab.id);
    return isDeepStrictEqual(former?.rows ?? [], tab.rows) ? [] : [{ former, tab }];
  });
  if (changed.length > 1)
    violate(facts, 'R1', `one change has changed ${changed.map(({ tab }) => tab.title).join(' and ')}`);
  const where = { fileId, author, step, isUnanswered };
  for (const { former, tab } of changed) checkTab(facts, { ...where, sheetId: tab.id }, former, tab);
  if (changed.length === 0) checkUnchanged(facts, change);
};

/** The tabs that have changed, with the first cells of their rows. */
export const describeSheetChange = ({ labels }: Facts, { fileId, before, after }: SheetChange): string => {
  const tabs = after.tabs.flatMap(({ id, title, rows }) => {
    const former = before.tabs.find((tab) => tab.id === id);
    if (former?.title === title && isDeepStrictEqual(former.rows, rows)) return [];
    return [`${title} has ${rows.map((row) => textsOf(row)[0] || '·').join(' ')}`];
  });
  return `${labels.file(fileId)}: ${tabs.length === 0 ? 'no cells are changed' : tabs.join(', ')}`;
};
