/** Texts of the configuration with placeholders: `{date:yyyy/MM}`, `{time}`, `{caller}`. */

/** What placeholders stand for. */
export interface TemplateValues {
  /** Epoch milliseconds. */
  nowMs: number;
  /** An IANA name, such as `Europe/Berlin`. */
  timeZone: string;
  caller: string;
}

const PARTS = { yyyy: 'year', MM: 'month', dd: 'day', HH: 'hour', mm: 'minute', ss: 'second' } as const;
type Part = keyof typeof PARTS;

const DEFAULT_FORMATS: Readonly<Record<string, string>> = { date: 'yyyy-MM-dd', time: 'HH-mm-ss' };

const PLACEHOLDER = /\{(\w*)(?::([^{}]*))?\}/g;
const PART = /yyyy|MM|dd|HH|mm|ss/g;

/** The letters of a format, by runs of the same letter: `yyyy`, `MM`, `dd` in `yyyyMMdd`. */
const runsIn = (format: string): string[] => {
  const runs: string[] = [];
  for (const character of format) {
    const last = runs.at(-1);
    if (last?.startsWith(character)) runs[runs.length - 1] = last + character;
    else runs.push(character);
  }
  return runs.filter((run) => /^[A-Za-z]/.test(run));
};

/** What is wrong with a template, or undefined. */
export const faultOfTemplate = (text: string): string | undefined => {
  for (const [placeholder, name = '', format] of text.matchAll(PLACEHOLDER)) {
    if (name === 'caller' && format === undefined) continue;
    if (name !== 'date' && name !== 'time') {
      return `has ${placeholder}; placeholders are {date:yyyy-MM-dd}, {time:HH-mm-ss} and {caller}`;
    }
    const unknown = runsIn(format ?? '').find((letters) => !Object.hasOwn(PARTS, letters));
    if (unknown !== undefined) return `has "${unknown}" in ${placeholder}; known are ${Object.keys(PARTS).join(', ')}`;
  }
  return /[{}]/.test(text.replaceAll(PLACEHOLDER, '')) ? 'has a "{" or "}" outside a placeholder' : undefined;
};

export const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
};

/**
 * The local time by its parts. When clocks are set back, one hour occurs twice with the same texts; when they are set
 * forward, one hour does not occur.
 */
const partsAt = ({ nowMs, timeZone }: TemplateValues): Readonly<Record<string, string>> => {
  const format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  return Object.fromEntries(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
};

/** @param text a template without faults */
export const renderTemplate = (text: string, values: TemplateValues): string => {
  const parts = partsAt(values);
  return text.replace(PLACEHOLDER, (_, name: string, format: string | undefined) =>
    name === 'caller'
      ? // Slashes would make folders.
        values.caller.replaceAll(/[/\\]/g, '_')
      : (format ?? DEFAULT_FORMATS[name] ?? '').replace(PART, (part) => parts[PARTS[part as Part]] ?? ''),
  );
};
