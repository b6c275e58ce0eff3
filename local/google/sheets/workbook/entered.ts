import type { Cell, Scalar } from './model.ts';

const DAY_MS = 86_400_000;
/** Serial numbers count days from here: sheets/api/guides/formats#about_date_time_values. */
const EPOCH_MS = Date.UTC(1899, 11, 30);

export const serialOf = (ms: number): number => (ms - EPOCH_MS) / DAY_MS;
export const dateOf = (serial: number): Date => new Date(Math.round(serial * DAY_MS) + EPOCH_MS);

const withFormat = (value: Scalar, type: string, pattern: string): Cell => ({
  value,
  format: { numberFormat: { type, pattern } },
});

const ISO_DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;
const US_DATE = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;

const dayOf = (year: number, month: number, day: number): number | undefined => {
  const ms = Date.UTC(year, month - 1, day);
  const date = new Date(ms);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? serialOf(ms) : undefined;
};

const clock = (hour = '0', minute = '0', second = '0'): number | undefined =>
  Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
    ? (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) / 86_400
    : undefined;

function dateCell(text: string): Cell | undefined {
  const iso = ISO_DATE.exec(text);
  const us = iso === null ? US_DATE.exec(text) : null;
  const found = iso ?? us;
  if (found === null) return undefined;
  const [, a = '', b = '', c = '', hour, minute, second] = found;
  const day = iso === null ? dayOf(Number(c), Number(a), Number(b)) : dayOf(Number(a), Number(b), Number(c));
  const time = clock(hour, minute, second);
  if (day === undefined || time === undefined) return undefined;
  const pattern = iso === null ? 'm/d/yyyy' : 'yyyy-mm-dd';
  return hour === undefined
    ? withFormat(day, 'DATE', pattern)
    : withFormat(day + time, 'DATE_TIME', `${pattern} h:mm:ss`);
}

function timeCell(text: string): Cell | undefined {
  const [, hour, minute, second] = TIME.exec(text) ?? [];
  const time = hour === undefined ? undefined : clock(hour, minute, second);
  if (time === undefined) return undefined;
  return withFormat(time, 'TIME', second === undefined ? 'h:mm' : 'h:mm:ss');
}

const NUMBER = /^[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?$/;

const numberOf = (text: string): number | undefined => {
  if (!NUMBER.test(text) || !/\d/.test(text)) return undefined;
  const value = Number(text.replaceAll(',', ''));
  return Number.isFinite(value) ? value : undefined;
};

function numberCell(text: string): Cell | undefined {
  if (text.endsWith('%')) {
    const percent = numberOf(text.slice(0, -1));
    return percent === undefined
      ? undefined
      : withFormat(percent / 100, 'PERCENT', text.includes('.') ? '0.00%' : '0%');
  }
  const [, sign = '', amount] = /^(-?)\$(.*)$/.exec(text) ?? [];
  if (amount !== undefined) {
    const money = numberOf(sign + amount);
    return money === undefined
      ? undefined
      : withFormat(money, 'CURRENCY', amount.includes('.') ? '"$"#,##0.00' : '"$"#,##0');
  }
  const value = numberOf(text);
  if (value === undefined) return undefined;
  return text.includes(',') ? withFormat(value, 'NUMBER', text.includes('.') ? '#,##0.00' : '#,##0') : value;
}

/**
 * The value of a text that is "parsed as if the user typed it into the UI" (reference, ValueInputOption USER_ENTERED) in
 * the locale en_US: formulas, booleans, numbers (also with thousands, percent and dollars), ISO and US dates, times. An
 * apostrophe at the start makes the rest text. Other date forms, fractions, durations and other locales are not modelled.
 */
export function enteredCell(text: string): Cell {
  if (text === '') return null;
  if (text.startsWith("'")) return text.slice(1);
  if (text.startsWith('=') && text.length > 1) return { formula: text };
  const plain = text.trim();
  if (/^(true|false)$/i.test(plain)) return plain.toLowerCase() === 'true';
  return numberCell(plain) ?? dateCell(plain) ?? timeCell(plain) ?? text;
}
