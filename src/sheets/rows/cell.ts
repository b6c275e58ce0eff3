import { numberOf } from '../../text/exact-number.ts';

/** A date or a time, as Sheets keeps it: days since 1899-12-30, shown with a pattern. */
export interface DateCell {
  serial: number;
  type: 'DATE' | 'DATE_TIME';
  pattern: string;
}

/** The value of one cell. A text is never a formula. */
export type Cell = null | string | number | boolean | DateCell;

/** What Sheets accepts in one cell (https://support.google.com/drive/answer/37603). */
export const MAX_CELL_CHARACTERS = 50_000;

/**
 * In a text file, `2310009E13` is an identifier and not a number. Programs that print a number with an exponent print a decimal
 * point or a sign with it.
 */
const IDENTIFIER = /^-?\d+[eE]\d+$/;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['false', false],
  ['False', false],
  ['FALSE', false],
]);

const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

const DAY_MS = 86_400_000;
/** 1899-12-30 in epoch milliseconds (https://developers.google.com/workspace/sheets/api/guides/formats). */
const EPOCH_MS = Date.UTC(1899, 11, 30);
/** Spreadsheets disagree about earlier days. */
const FIRST_YEAR = 1900;

const offsetMinutes = (zone: string): number => {
  const [, sign, hours = 0, minutes = 0] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
};

/**
 * An ISO 8601 date or time as a date cell. A time with a zone becomes UTC, one without stays as it is.
 * @internal for tests
 */
export const dateOf = (text: string): DateCell | undefined => {
  const [, year, month, day, hour, minute, second = '00', fraction = '', zone = 'Z'] = DATE.exec(text) ?? [];
  if (year === undefined || Number(year) < FIRST_YEAR) return undefined;
  const date = `${year}-${month}-${day}`;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // 2026-02-30 would become a day in March.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date) return undefined;
  if (hour === undefined) return { serial: (midnight - EPOCH_MS) / DAY_MS, type: 'DATE', pattern: 'yyyy-mm-dd' };
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const milliseconds = (Number(hour) * 60 + Number(minute) - offsetMinutes(zone)) * 60_000 + Number(second) * 1_000;
  const serial = (midnight + milliseconds + Number(`0${fraction}`) * 1_000 - EPOCH_MS) / DAY_MS;
  return { serial, type: 'DATE_TIME', pattern: `yyyy-mm-dd hh:mm:ss${fraction === '' ? '' : '.000'}` };
};

/** What a text becomes: nothing, a date if they are asked for, else a text. */
export const textCell = (text: string, dates: boolean): Cell =>
  text === '' ? null : ((dates ? dateOf(text) : undefined) ?? text);

/** What an unquoted cell of a text file becomes. */
export const bareCell = (text: string, dates: boolean): Cell => {
  const first = text.charCodeAt(0);
  const isNumeric = first === 45 || (first >= 48 && first <= 57);
  if (isNumeric) return (IDENTIFIER.test(text) ? undefined : numberOf(text)) ?? textCell(text, dates);
  return BOOLEANS.get(text) ?? textCell(text, dates);
};

export const isDateCell = (cell: Cell): cell is DateCell => typeof cell === 'object' && cell !== null;
