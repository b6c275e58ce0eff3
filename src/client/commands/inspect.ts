import type { DoctorCheck, DoctorFinding, DoctorReport } from '../schemas.ts';
import { type Context, createClient, type GlobalOptions, openSession, outColors, print } from './context.ts';
import type { Colors } from './output/colors.ts';
import { sizeText } from './output/sizes.ts';

/** `courier destinations` */
export const destinationsCommand = async (context: Context, flags: GlobalOptions): Promise<void> => {
  const destinations = await (await createClient(context, flags, await openSession(context, flags))).destinations();
  const lines = destinations.map(({ name, path, onConflict, convertTo, maxBytes }) =>
    [
      name,
      ...(path ? [`in ${path}`] : []),
      ...(onConflict === undefined ? [] : [`if the name is taken: ${onConflict}`]),
      ...(convertTo ? [`converted to ${convertTo}`] : []),
      ...(maxBytes === undefined ? [] : [`up to ${sizeText(maxBytes)}`]),
    ].join(', '),
  );
  print(
    context,
    flags,
    { destinations },
    lines.length === 0 ? 'No destinations. Ask the operator to list this identity under "callers".' : lines.join('\n'),
  );
};

export interface DoctorFlags extends GlobalOptions {
  write?: boolean;
  /** Print every check, not only what needs attention. */
  all?: boolean;
}

type Result = DoctorCheck['result'];
type Mark = (result: Result) => string;

const markWith =
  ({ green, yellow, red }: Colors): Mark =>
  (result) =>
    ({ passed: green('✓'), warned: yellow('!'), failed: red('✗'), skipped: '-' })[result];

type Checks = readonly DoctorCheck[];

/** One line for each check. Remedies have lines of their own, so that commands in them are easy to copy. */
const tableOf = (checks: Checks, mark: Mark): string[] => {
  const width = Math.max(...checks.map(({ check }) => check.length));
  return checks.flatMap(({ check, result, detail, remedy }) => [
    `  ${mark(result)} ${check.padEnd(width)}  ${detail}`.trimEnd(),
    ...(remedy === undefined || result === 'passed' ? [] : [`    ${remedy}`]),
  ]);
};

const wholeReport = ({ destinations }: DoctorReport, mark: Mark): string[] =>
  Object.entries(destinations).flatMap(([name, { ok, checks }]) => [
    `${mark(ok ? 'passed' : 'failed')} ${name}`,
    ...tableOf(checks, mark),
  ]);

/** What needs attention, and one line about the rest. */
const shortReport = (report: DoctorReport, findings: readonly DoctorFinding[], mark: Mark): string[] => {
  const reports = Object.values(report.destinations);
  const good = reports.flatMap(({ checks }) => checks).filter(({ result }) => result === 'passed').length;
  const names = (of: readonly string[]): string =>
    of.length === reports.length && of.length > 1 ? 'every destination' : of.join(', ');
  const broken = reports.filter(({ ok }) => !ok).length;
  return [
    ...findings.flatMap(({ check, result, detail, remedy, destinations }) => [
      `${mark(result)} ${check} (${names(destinations)}): ${detail}`,
      ...(remedy === undefined ? [] : [`    ${remedy}`]),
    ]),
    `${mark(broken === 0 ? 'passed' : 'failed')} ${reports.length - broken} of ${reports.length} destinations work; ${good} checks passed. To see all checks: courier doctor --all`,
  ];
};

/**
 * What `courier doctor` prints.
 * @internal for tests
 */
export const doctorText = (report: DoctorReport, { all, colors }: { all: boolean; colors: Colors }): string => {
  const mark = markWith(colors);
  const { findings } = report;
  return (all || findings === undefined ? wholeReport(report, mark) : shortReport(report, findings, mark)).join('\n');
};

/** `courier doctor` @returns false if a destination does not work */
export const doctorCommand = async (context: Context, flags: DoctorFlags): Promise<boolean> => {
  const { write = false, all = false } = flags;
  const report = await (await createClient(context, flags, await openSession(context, flags))).doctor({ write });
  print(context, flags, report, doctorText(report, { all, colors: outColors(context) }));
  return report.ok;
};
