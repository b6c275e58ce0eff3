import { CourierError } from '../errors.ts';

const HOUR_MS = 3_600_000;
const UNITS_MS: Readonly<Record<string, number>> = { h: HOUR_MS, m: 60_000, s: 1_000 };

const two = (value: number): string => String(value).padStart(2, '0');

/** A text of the message, for an error. */
const quoted = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** The elements of a time format that have the same meaning in all of Google's documents. */
const ELEMENTS: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => String(time.getUTCFullYear()).padStart(4, '0'),
  y: (time) => two(time.getUTCFullYear() % 100),
  m: (time) => two(time.getUTCMonth() + 1),
  d: (time) => two(time.getUTCDate()),
  H: (time) => two(time.getUTCHours()),
  M: (time) => two(time.getUTCMinutes()),
  S: (time) => two(time.getUTCSeconds()),
  '%': () => '%',
};

const formatted = (format: string, time: Date): string =>
  format.replaceAll(/%([\s\S]?)/g, (_, element: string) => {
    const write = Object.hasOwn(ELEMENTS, element) ? ELEMENTS[element] : undefined;
    if (write !== undefined) return write(time);
    throw new CourierError('request-invalid', {
      detail: `The time format ${quoted(format)} has "%${element}"; supported are %Y, %y, %m, %d, %H, %M, %S and %%.`,
    });
  });

/** `+1.5h`, `-90m`, `+1h30m`: "expressed in hours (h), minutes (m), and seconds (s) in that order". */
const OFFSET = /^([+-])(?=\d)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?$/;

const offsetMs = (offset: string): number | undefined => {
  if (offset === '') return 0;
  const [whole, sign, ...amounts] = OFFSET.exec(offset) ?? [];
  if (whole === undefined) return undefined;
  const units = Object.values(UNITS_MS);
  const total = amounts.reduce((sum, amount, at) => sum + Number(amount ?? 0) * (units[at] ?? 0), 0);
  return sign === '-' ? -total : total;
};

export interface RunValues {
  /** The time that the run is for, in epoch milliseconds. */
  runTimeMs: number;
  /** Further words, such as `table`. */
  words?: Readonly<Record<string, string>>;
}

const resolved = (expression: string, { runTimeMs, words = {} }: RunValues): string | undefined => {
  if (Object.hasOwn(words, expression)) return words[expression];
  if (expression === 'run_date') return formatted('%Y%m%d', new Date(runTimeMs));
  const [, offset = '', format] = /^run_time([+-][^|]*)?\|"((?:[^"\\]|\\.)*)"$/.exec(expression) ?? [];
  const shiftMs = offsetMs(offset);
  if (format === undefined || shiftMs === undefined) return undefined;
  return formatted(format.replaceAll(/\\(["|])/g, '$1'), new Date(runTimeMs + shiftMs));
};

/**
 * Fills a template of the BigQuery Data Transfer Service: `{run_date}`, `{run_time+25h|"%Y%m%d"}`, and `\{` for a brace
 * (https://cloud.google.com/bigquery/docs/scheduling-queries#templating-system).
 * @throws CourierError `request-invalid` for a placeholder that is unknown
 */
export const fillRunTemplate = (template: string, values: RunValues): string =>
  template.replaceAll(
    /\\([{}])|\{((?:[^{}"\\]|"(?:[^"\\]|\\.)*")*)\}/g,
    (whole, brace?: string, expression?: string) => {
      if (brace !== undefined) return brace;
      const value = resolved(expression ?? '', values);
      if (value === undefined)
        throw new CourierError('request-invalid', {
          detail: `The placeholder ${quoted(whole)} is unknown in ${quoted(template)}.`,
        });
      return value;
    },
  );
