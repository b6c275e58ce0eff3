import { unicodeEscape } from './text/unicode/unicode-escape.ts';

/** How a log line looks on a terminal: time, severity and message first, then the fields as `name=value`. */

const COLOURS: Readonly<Record<string, string>> = {
  DEBUG: '\u001b[2m',
  INFO: '\u001b[32m',
  WARNING: '\u001b[33m',
  ERROR: '\u001b[31m',
  CRITICAL: '\u001b[31m',
};
const DIM = '\u001b[2m';
const RESET = '\u001b[0m';

/** Fields that only Cloud Logging and Error Reporting use, and those that are printed in their own way. */
const isHidden = (name: string): boolean =>
  name.startsWith('logging.googleapis.com/') ||
  ['severity', 'time', 'message', 'error', '@type', 'serviceContext', 'stack_trace'].includes(name);

/** Control characters are shown as escapes: a file name from a caller must not move the cursor or change colours. */
const printable = (text: string): string =>
  text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
    /[\u0000-\u001f\u007f-\u009f]/g,
    unicodeEscape,
  );

const valueText = (value: unknown): string =>
  printable(typeof value === 'string' && /^[^\s="]+$/.test(value) ? value : (JSON.stringify(value) ?? ''));

/** The members of an object field (`audit`, `httpRequest`) are printed like fields of the line. */
const fieldsOf = (line: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(line).flatMap(([name, value]) => {
    if (isHidden(name)) return [];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${name}=${valueText(value)}`];
    return Object.entries(value).map(([member, inner]) => `${member}=${valueText(inner)}`);
  });

interface LoggedError {
  name?: unknown;
  message?: unknown;
  stack?: unknown;
}

/** One line for each cause, outermost first, and the stack where the log has one. */
const errorLines = (error: unknown): string[] =>
  (Array.isArray(error) ? (error as LoggedError[]) : []).flatMap(({ name, message, stack }) => {
    const frames = typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : [];
    return [
      `    ${printable(`${String(name)}: ${String(message)}`)}`,
      ...frames.map((frame) => `    ${printable(frame)}`),
    ];
  });

/**
 * Rewrites one JSON log line for a person who reads it on a terminal.
 * @param line with its line break; what is not JSON is returned unchanged
 */
export const prettyLine = (line: string, hasColours: boolean): string => {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const paint = (colour: string, text: string): string =>
    hasColours && text !== '' ? `${colour}${text}${RESET}` : text;
  const severity = String(fields.severity);
  // The local time without the date, which the reader knows.
  const time = new Date(String(fields.time)).toTimeString().slice(0, 8);
  const head = `${paint(DIM, time)} ${paint(COLOURS[severity] ?? '', severity.padEnd(8))} ${printable(String(fields.message))}`;
  const details = paint(DIM, fieldsOf(fields).join(' '));
  const first = details === '' ? head : `${head}  ${details}`;
  return `${[first, ...errorLines(fields.error)].join('\n')}\n`;
};
