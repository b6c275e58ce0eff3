import type { DoctorReport } from '../schemas.ts';
import { type Context, clientOf, type GlobalOptions, print } from './context.ts';
import { sizeText } from './sizes.ts';

/** `courier destinations`: where this caller may write. */
export const destinationsCommand = async (context: Context, flags: GlobalOptions): Promise<void> => {
  const destinations = await (await clientOf(context, flags)).destinations();
  const lines = destinations.map(({ name, path, onConflict, convertTo, maxBytes }) =>
    [
      name,
      ...(path ? [`in ${path}`] : []),
      ...(onConflict === undefined ? [] : [`a taken name: ${onConflict}`]),
      ...(convertTo ? [`made a ${convertTo}`] : []),
      ...(maxBytes === undefined ? [] : [`up to ${sizeText(maxBytes)}`]),
    ].join(', '),
  );
  print(context, flags, { destinations }, lines.length === 0 ? 'none' : lines.join('\n'));
};

export interface DoctorFlags extends GlobalOptions {
  write?: boolean;
  /** Every check of every destination, not only what somebody has to act on. */
  all?: boolean;
}

const MARKS = { passed: '✓', warned: '!', failed: '✗', skipped: '-' } as const;

type Checks = DoctorReport['destinations'][string]['checks'];

/** One line a check, and below it what to do; remedies stand alone, so that a command can be taken by a triple click. */
const tableOf = (checks: Checks): string[] => {
  const width = Math.max(...checks.map(({ check }) => check.length));
  return checks.flatMap(({ check, result, detail, remedy }) => [
    `  ${MARKS[result]} ${check.padEnd(width)}  ${detail}`.trimEnd(),
    ...(remedy === undefined || result === 'passed' ? [] : [`    ${remedy}`]),
  ]);
};

const wholeReport = ({ destinations }: DoctorReport): string[] =>
  Object.entries(destinations).flatMap(([name, { ok, checks }]) => [
    `${ok ? MARKS.passed : MARKS.failed} ${name}`,
    ...tableOf(checks),
  ]);

/** What somebody has to act on, and in a line how much is in order. */
const shortReport = (report: DoctorReport, findings: NonNullable<DoctorReport['findings']>): string[] => {
  const reports = Object.values(report.destinations);
  const good = reports.flatMap(({ checks }) => checks).filter(({ result }) => result === 'passed').length;
  const names = (of: readonly string[]): string =>
    of.length === reports.length && of.length > 1 ? 'every destination' : of.join(', ');
  const broken = reports.filter(({ ok }) => !ok).length;
  return [
    ...findings.flatMap(({ check, result, detail, remedy, destinations }) => [
      `${MARKS[result]} ${check} (${names(destinations)}): ${detail}`,
      ...(remedy === undefined ? [] : [`    ${remedy}`]),
    ]),
    `${broken === 0 ? MARKS.passed : MARKS.failed} ${reports.length - broken} of ${reports.length} destinations can be delivered to; ${good} checks passed. All of them: courier doctor --all`,
  ];
};

/** What `courier doctor` prints. */
export const doctorText = (report: DoctorReport, { all }: { all: boolean }): string =>
  (all || report.findings === undefined ? wholeReport(report) : shortReport(report, report.findings)).join('\n');

/** `courier doctor`: the courier's own set-up, checked against Google. @returns false when something fails */
export const doctorCommand = async (context: Context, flags: DoctorFlags): Promise<boolean> => {
  const { write = false, all = false } = flags;
  const report = await (await clientOf(context, flags)).doctor({ write });
  print(context, flags, report, doctorText(report, { all }));
  return report.ok;
};
