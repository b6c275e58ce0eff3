/** The middle one; of an even count, the mean of the two. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Linear between the two nearest. @param share 0 to 1 */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
};

/** What a reach of the project asks of one figure. */
export interface Bound {
  what: string;
  value: number;
  /** `at most` unless `atLeast`. */
  floor: number;
  aim?: number;
  atLeast?: boolean;
  unit?: string;
  /**
   * In place of the floor in a quick run, which is short, on a busy machine, and to show what has gone wrong by far;
   * `unjudged` where such a run says nothing.
   */
  quick?: number | 'unjudged';
}

export interface Report {
  title: string;
  /** What was done, in a sentence or two. */
  how: string;
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  bounds: readonly Bound[];
}

const cell = (value: string | number): string => {
  if (typeof value === 'string') return value;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

/** A quick run's report: its own bounds, and no aims. */
export const loosened = (report: Report): Report => ({
  ...report,
  bounds: report.bounds
    .filter(({ quick }) => quick !== 'unjudged')
    .map(({ aim: _, quick, floor, ...bound }) => ({ ...bound, floor: typeof quick === 'number' ? quick : floor })),
});

export const isReached = ({ value, floor, atLeast = false }: Bound): boolean =>
  atLeast ? value >= floor : value <= floor;

const boundLine = (bound: Bound): string => {
  const { what, value, floor, aim, atLeast = false, unit = '' } = bound;
  const sign = atLeast ? '≥' : '≤';
  const wish = aim === undefined ? '' : `, aim ${sign} ${cell(aim)}${unit}`;
  return `${isReached(bound) ? 'reached' : 'MISSED '}  ${what}: ${cell(value)}${unit} (${sign} ${cell(floor)}${unit}${wish})`;
};

/** As a Markdown table, followed by what was to be reached. */
export const reportText = ({ title, how, columns, rows, bounds }: Report): string => {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [
    `### ${title}`,
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
