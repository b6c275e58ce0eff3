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

/** `courier doctor`: the courier's own set-up, checked against Google. @returns false when something fails */
export const doctorCommand = async (context: Context, flags: DoctorFlags): Promise<boolean> => {
  const { write = false } = flags;
  const report = await (await clientOf(context, flags)).doctor({ write });
  const lines = Object.entries(report.destinations).flatMap(([name, { ok, checks }]) => [
    `${ok ? MARKS.passed : MARKS.failed} ${name}`,
    ...tableOf(checks),
  ]);
  print(context, flags, report, lines.join('\n'));
  return report.ok;
};
