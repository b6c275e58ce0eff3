import { isRawNumber } from '../json/exact-json.ts';

/**
 * Characters that spreadsheets skip or hide before a formula: white space, control and format characters (zero-width
 * spaces, byte order marks, bidirectional marks), and everything else that Unicode says to ignore when it is displayed.
 */
const HIDDEN = '\\p{White_Space}\\p{Cc}\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800';

/** The signs that begin a formula, in their ASCII, small and fullwidth forms: some input methods turn one into the other. */
const SIGN = '=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b';

/** OWASP, "CSV Injection": also a tab or a carriage return at the very beginning. */
const FORMULA = new RegExp(`^(?:[\\t\\r]|[${HIDDEN}]*[${SIGN}])`, 'u');

const HIDDEN_CHARACTER = new RegExp(`^[${HIDDEN}]$`, 'u');
const SIGN_CHARACTER = new RegExp(`^[${SIGN}]$`, 'u');

/** What a text is, as far as its next character tells: `FORMULA`, one character at a time. */
export const formulaStep = (character: string, isFirst: boolean): 'formula' | 'text' | 'unknown' => {
  if (isFirst && (character === '\t' || character === '\r')) return 'formula';
  if (SIGN_CHARACTER.test(character)) return 'formula';
  return HIDDEN_CHARACTER.test(character) ? 'unknown' : 'text';
};

/** A text that a spreadsheet runs as a formula gets an apostrophe, which makes it a text there. */
const neutralize = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/**
 * Every text is quoted, whether RFC 4180 asks for it or not: a program that splits lines at semicolons or tabs, as
 * spreadsheets do in many locales, does not split a text that begins with a quote.
 */
const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/**
 * One cell of a CSV file (RFC 4180). Numbers and booleans are written as they are, null and undefined as nothing, nested
 * values as JSON.
 * @param rawCells leaves texts that a spreadsheet would run as formulas as they are
 */
export const csvCell = (value: unknown, { rawCells }: { rawCells: boolean }): string => {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (isRawNumber(value)) return value.rawJSON;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return quote(rawCells ? text : neutralize(text));
};

/** Names without anything that a program might take for a separator, a sign or a quote. */
const PLAIN_NAME = /^(?!ID)\w+$/;

/**
 * The name of a column. Only plain names stand without quotes; a file that begins with ID without quotes is one that Excel
 * takes for SYLK and does not open.
 */
export const csvColumn = (name: string, options: { rawCells: boolean }): string =>
  PLAIN_NAME.test(name) ? name : csvCell(name, options);
