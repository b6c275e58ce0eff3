/** The middle value; for an even count, the mean of the two in the middle. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Interpolates linearly between the two nearest values. @param share 0 to 1 */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
};

/** A measured figure, and the limit that it must keep. */
export interface Bound {
  what: string;
  value: number;
  /** The largest allowed value; with `atLeast`, the smallest one. */
  limit: number;
  /** A better value, which is printed but not required. */
  aim?: number;
  atLeast?: boolean;
  unit?: string;
  /**
   * Replaces the limit in a quick run, which is short and may share its machine, so that it finds only gross regressions.
   * `unjudged` if a quick run has no meaningful value.
   */
  quick?: number | 'unjudged';
}

export interface Report {
  title: string;
  /** How it was measured, in a sentence or two. */
  how: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  bounds: readonly Bound[];
}

/** A value as the tables show it. */
export const shown = (value: string | number): string => {
  if (typeof value === 'string') return value;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

/** The report of a quick run: with the bounds for quick runs, and without aims. */
export const loosened = (report: Report): Report => ({
  ...report,
  bounds: report.bounds
    .filter(({ quick }) => quick !== 'unjudged')
    .map(({ aim: _, quick, limit, ...bound }) => ({ ...bound, limit: typeof quick === 'number' ? quick : limit })),
});

export const isReached = ({ value, limit, atLeast = false }: Bound): boolean =>
  atLeast ? value >= limit : value <= limit;

const boundLine = (bound: Bound): string => {
  const { what, value, limit, aim, atLeast = false, unit = '' } = bound;
  const sign = atLeast ? '≥' : '≤';
  const aimText = aim === undefined ? '' : `, aim ${sign} ${shown(aim)}${unit}`;
  return `${isReached(bound) ? 'reached' : 'MISSED '}  ${what}: ${shown(value)}${unit} (${sign} ${shown(limit)}${unit}${aimText})`;
};

/** A Markdown table, followed by the bounds. */
export const reportText = ({ title, how, columns, rows, bounds }: Report): string => {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.map(shown).join(' | ')} |`;
  return [
    `## ${title}`,
    '',
    how,
    '',
    line(columns),
    line(columns.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
    ...(bounds.length > 0 ? ['', ...bounds.map((bound) => `- ${boundLine(bound)}`)] : []),
    '',
  ].join('\n');
};
