import { dateOf } from './entered.ts';
import { type Cell, isRich, type Scalar, plainValue } from './model.ts';

interface NumberFormat {
  type?: string;
  pattern?: string;
}

const formatOf = (cell: Cell | undefined): NumberFormat =>
  cell !== undefined && isRich(cell) ? ((cell.format?.numberFormat as NumberFormat | undefined) ?? {}) : {};

/** The automatic format shows at most ten significant digits. Larger and smaller numbers are shown with an exponent. */
function automatic(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return Object.is(value, -0) ? '0' : String(value);
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-9) {
    const [digits = '', exponent = ''] = value.toExponential(5).split('e');
    const power = Number(exponent);
    return `${digits.replace(/\.?0+$/, '')}E${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const short = value.toPrecision(10);
  return short.includes('.') && !short.includes('e') ? short.replace(/\.?0+$/, '') : String(Number(short));
}

const PATTERNS: Readonly<Record<string, string>> = {
  DATE: 'yyyy-mm-dd',
  DATE_TIME: 'yyyy-mm-dd h:mm:ss',
  TIME: 'h:mm:ss',
  NUMBER: '#,##0.00',
  PERCENT: '0.00%',
  CURRENCY: '"$"#,##0.00',
};

const two = (value: number): string => String(value).padStart(2, '0');

/** The parts of date patterns that are modelled: sheets/api/guides/formats#date_and_time_format_tokens. */
function dateText(serial: number, pattern: string): string {
  const date = dateOf(serial);
  let afterHour = false;
  return pattern.replace(/yyyy|yy|mm?|dd?|hh?|ss?/gi, (token) => {
    const lower = token.toLowerCase();
    const padded = (value: number): string => (lower.length === 2 ? two(value) : String(value));
    if (lower === 'yyyy') return String(date.getUTCFullYear());
    if (lower === 'yy') return two(date.getUTCFullYear() % 100);
    if (lower.startsWith('d')) return padded(date.getUTCDate());
    if (lower.startsWith('s')) return padded(date.getUTCSeconds());
    if (lower.startsWith('h')) {
      afterHour = true;
      return padded(date.getUTCHours());
    }
    // `m` after an hour is minutes, otherwise months.
    return afterHour ? padded(date.getUTCMinutes()) : padded(date.getUTCMonth() + 1);
  });
}

/** The parts of number patterns that are modelled: literals in quotes, `#,##0`, `0.00`, `%`. */
function numberText(value: number, pattern: string): string {
  const percent = pattern.includes('%');
  const amount = percent ? value * 100 : value;
  const [, decimals = ''] = /\.([0#]+)/.exec(pattern) ?? [];
  const digits = Math.abs(amount).toLocaleString('en-US', {
    useGrouping: pattern.includes(','),
    minimumFractionDigits: decimals.replaceAll('#', '').length,
    maximumFractionDigits: decimals.length,
  });
  const body = pattern.replace(/[#0][#0,]*(?:\.[#0]+)?/, digits).replaceAll('"', '');
  return amount < 0 ? `-${body}` : body;
}

function numberIn(value: number, { type = '', pattern }: NumberFormat): string {
  if (type === 'TEXT') return automatic(value);
  const used = pattern || PATTERNS[type];
  if (used === undefined) return automatic(value);
  return /^(DATE|TIME|DATE_TIME)$/.test(type) ? dateText(value, used) : numberText(value, used);
}

/** Only what needs no calculation is evaluated: a literal, and the label of a HYPERLINK. */
const LITERAL = /^=\s*(?:(-?\d+(?:\.\d+)?)|"((?:[^"]|"")*)"|(TRUE|FALSE))\s*$/i;
const LINK = /^=\s*HYPERLINK\(\s*"(?:[^"]|"")*"\s*,\s*"((?:[^"]|"")*)"\s*\)\s*$/i;

/** The value of a formula, or undefined when it would have to be calculated, which the local Google does not do. */
function evaluated(formula: string): Scalar | undefined {
  const [, number, text, flag] = LITERAL.exec(formula) ?? [];
  if (number !== undefined) return Number(number);
  if (flag !== undefined) return flag.toUpperCase() === 'TRUE';
  return (text ?? LINK.exec(formula)?.[1])?.replaceAll('""', '"');
}

/** The result of a formula that is not evaluated is an error. */
export const NOT_EVALUATED = { type: 'ERROR', message: 'The local Google does not evaluate this formula.' };

/** The value of the cell. Undefined for an empty cell and for a formula that is not evaluated. */
export function effectiveValue(cell: Cell | undefined): Scalar | undefined {
  if (cell === undefined || cell === null || !isRich(cell) || cell.formula === undefined) return plainValue(cell);
  return evaluated(cell.formula);
}

export const isNotEvaluated = (cell: Cell | undefined): boolean =>
  cell !== undefined && isRich(cell) && cell.formula !== undefined && evaluated(cell.formula) === undefined;

/** The text that a person sees in the cell. */
export function formattedValue(cell: Cell | undefined): string {
  if (isNotEvaluated(cell)) return '#ERROR!';
  const value = effectiveValue(cell);
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  return typeof value === 'number' ? numberIn(value, formatOf(cell)) : value;
}

export interface RenderOptions {
  value: 'FORMATTED_VALUE' | 'UNFORMATTED_VALUE' | 'FORMULA';
  dateTime: 'SERIAL_NUMBER' | 'FORMATTED_STRING';
}

/** A cell in a ValueRange. Source: reference, ValueRenderOption and DateTimeRenderOption. */
export function renderedValue(cell: Cell | undefined, { value, dateTime }: RenderOptions): Scalar {
  if (value === 'FORMATTED_VALUE') return formattedValue(cell);
  if (value === 'FORMULA' && cell !== undefined && isRich(cell) && cell.formula !== undefined) return cell.formula;
  if (isNotEvaluated(cell)) return '#ERROR!';
  const plain = effectiveValue(cell) ?? '';
  const isDate = /^(DATE|TIME|DATE_TIME)$/.test(formatOf(cell).type ?? '');
  return typeof plain === 'number' && isDate && dateTime === 'FORMATTED_STRING' ? formattedValue(cell) : plain;
}
