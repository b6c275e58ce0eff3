import { numberOf } from '../../text/exact-number.ts';
import { createSheetRows, SHEET_HEAD, SHEET_TAIL, type WorkbookCell } from '../xlsx/workbook.ts';
import { type Encoder, type Field, isBoolean, isNumber, textOf } from './encode.ts';

/**
 * A number that a double keeps is a number cell, any other a text: Excel would round it. As in a sheet that grows, dates and
 * times are texts.
 */
const cellOf = (field: Field, value: unknown): WorkbookCell => {
  const text = textOf(field, value);
  if (text === null || field.mode === 'REPEATED') return text;
  if (isBoolean(field.type)) return text === 'true';
  const number = isNumber(field.type) ? numberOf(text) : undefined;
  return number === undefined ? text : { number: String(number) };
};

/** Writes the XML of an Excel sheet; `workbookOf` turns it into a file. */
export const createSheetEncoder = (): Encoder => {
  const row = createSheetRows();
  return {
    head: (fields) => `${SHEET_HEAD}${row(fields.map(({ name }) => name))}`,
    line: (fields, { f }) => row(fields.map((field, index) => cellOf(field, f[index]?.v ?? null))),
    tail: SHEET_TAIL,
  };
};
