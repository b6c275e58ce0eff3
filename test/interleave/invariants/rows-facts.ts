import { isDeepStrictEqual } from 'node:util';
import { plainValue, type Row, type Tab } from '../../../local/google/sheets/workbook/model.ts';
import { identityOf, type RowsWrite } from '../monitor.ts';
import { columnsOf, rowNames, tableOf } from '../rows.ts';
import { isRows } from '../scenario.ts';
import type { Facts } from './facts.ts';

/** The rows that were delivered before the schedule, with the scenario's base `delivered`. */
const BASE: RowsOf = { spec: { key: 'k0', bytes: 'O', size: 'rows', rule: 'append' }, identity: 'k0' };

/** A delivery of rows, and whose it is. */
export type RowsOf = Pick<RowsWrite, 'spec' | 'identity'>;

const deliveriesOf = ({ scenario }: Facts): RowsOf[] => [
  BASE,
  ...scenario.deliveries
    .map((spec, at) => ({ spec, identity: identityOf({ actor: `d${at + 1}`, spec }) }))
    .filter(({ spec }) => isRows(spec)),
];

export const textsOf = (row: Row | undefined): string[] => (row ?? []).map((cell) => String(plainValue(cell) ?? ''));

/** The delivery that a row comes from, by its first cell. */
export const deliveryOfRow = (facts: Facts, row: Row): RowsOf | undefined => {
  const [name = ''] = textsOf(row);
  return deliveriesOf(facts).find(({ spec }) => rowNames(spec).includes(name));
};

/** Whether a row has the values that its delivery has sent, in the columns of the tab. */
export const isAsSent = ({ spec }: Pick<RowsOf, 'spec'>, header: Row | undefined, row: Row): boolean => {
  const [name] = textsOf(row);
  const sent = tableOf(spec).find((values) => values[0] === name) ?? [];
  const columns = columnsOf(spec);
  const texts = textsOf(row);
  return textsOf(header).every((column, at) => (texts[at] ?? '') === (sent[columns.indexOf(column)] ?? ''));
};

/** Whether a tab has exactly the rows of a delivery and the names of its columns. */
export const isExactly = ({ rows }: Pick<Tab, 'rows'>, { spec }: Pick<RowsOf, 'spec'>): boolean =>
  isDeepStrictEqual(rows.map(textsOf), tableOf(spec));

/** The rows of a delivery's letter that were written into a file, in the order of the changes. */
export const writesOfRows = ({ monitor }: Facts, letter: string, fileId?: string): RowsWrite[] =>
  monitor.rowsWrites.filter(({ spec, fileId: id }) => spec.bytes === letter && (fileId === undefined || id === fileId));

/** A person's changes of the content of a spreadsheet after a step. */
export const isChangedByPerson = ({ monitor }: Facts, fileId: string, from = 0): boolean =>
  monitor.sheetChanges.some((change) => change.fileId === fileId && change.author.isPerson && change.step > from);

/**
 * Whether rows were removed before their delivery was complete, with their tab or by a replacement. Then the delivery writes
 * all of them again.
 */
export const isRemoved = (facts: Facts, { kind, spec, identity, fileId, sheetId, step }: RowsWrite): boolean => {
  if (kind === 'replace') return false;
  const inTab = facts.monitor.rowsWrites.filter((write) => write.fileId === fileId && write.sheetId === sheetId);
  const replaced = inTab.find((write) => write.kind === 'replace' && write.step > step);
  const isThere = facts.sheetOf(fileId)?.some(({ id }) => id === sheetId) ?? false;
  if (replaced === undefined && isThere) return false;
  const untilStep = replaced?.step ?? Number.POSITIVE_INFINITY;
  const written = inTab.filter((write) => write.identity === identity && write.step < untilStep);
  const names = written.flatMap((write) => write.names);
  return !rowNames(spec).every((name) => names.includes(name));
};
