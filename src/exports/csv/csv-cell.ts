import { isRawNumber } from '../json/exact-json.ts';

/**
 * Characters that spreadsheets skip or hide before a formula: white space, control and format characters (zero-width
 * spaces, byte order marks, bidirectional marks), and all other characters that Unicode ignores in display.
 */
const HIDDEN = '\\p{White_Space}\\p{Cc}\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2800';

/**
 * Characters that start a formula, in their ASCII, small and fullwidth forms: some input methods convert between them.
 */
const SIGN = '=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b';

/** A formula. As in OWASP's "CSV Injection", a tab or a carriage return at the start counts too. */
const FORMULA = new RegExp(`^(?:[\\t\\r]|[${HIDDEN}]*[${SIGN}])`, 'u');

const HIDDEN_CHARACTER = new RegExp(`^[${HIDDEN}]$`, 'u');
const SIGN_CHARACTER = new RegExp(`^[${SIGN}]$`, 'u');

/** Applies the rule of `FORMULA` one character at a time: `unknown` means that the next character decides. */
export const formulaStep = (character: string, isFirst: boolean): 'formula' | 'text' | 'unknown' => {
  if (isFirst && (character === '\t' || character === '\r')) return 'formula';
  if (SIGN_CHARACTER.test(character)) return 'formula';
  return HIDDEN_CHARACTER.test(character) ? 'unknown' : 'text';
};

/** Prefixes a text that a spreadsheet would run as a formula with an apostrophe, which makes it a text there. */
const neutralize = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/**
 * Quotes every text, even if RFC 4180 does not require it. In many locales, spreadsheets split lines at semicolons or
 * tabs, but they do not split a text that starts with a quote.
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

/** Names without characters that a program might interpret as a separator, a formula or a quote. */
const PLAIN_NAME = /^(?!ID)\w+$/;

/**
 * The name of a column. Only plain names are written without quotes. A name that starts with ID is quoted, because
 * Excel treats a file that starts with ID as SYLK and does not open it.
 */
export const csvColumn = (name: string, options: { rawCells: boolean }): string =>
  PLAIN_NAME.test(name) ? name : csvCell(name, options);
