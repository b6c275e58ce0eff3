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

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?)(\d{1,3}))?$/;

/** Digits without zeros at both ends, and the power of ten of the last one. */
const decimalOf = (whole: string, fraction: string, exponent: number): { digits: string; power: number } => {
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  let end = all.length;
  while (all[end - 1] === '0') end -= 1;
  const digits = all.slice(0, end);
  return { digits, power: digits === '' ? 0 : exponent - fraction.length + all.length - digits.length };
};

const decimalOfText = (text: string): { digits: string; power: number } | undefined => {
  const [, , whole, fraction = '', sign = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  return whole === undefined ? undefined : decimalOf(whole, fraction, Number(`${sign}${exponent}`));
};

/**
 * The number that a text means, if a double keeps it: the shortest decimal of the double is the same number. Otherwise the
 * text would change, so it stays a text: leading zeros, a plus sign, more than about 16 digits, thousands separators.
 */
export const numberOf = (text: string): number | undefined => {
  const written = text.length > 400 ? undefined : decimalOfText(text);
  if (written === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || (text.startsWith('-') && value === 0)) return undefined;
  const kept = decimalOfText(String(value));
  return kept?.digits === written.digits && kept.power === written.power ? value : undefined;
};

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

/** An ISO 8601 date or time as a date cell. A time with a zone becomes UTC, one without stays as it is. */
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
