import type { DoctorReport } from './report.ts';

const MARKS = { passed: 'ok', warned: 'warning', failed: 'FAILED' } as const;
const MARK_WIDTH = 8;

/** A report as plain text: each check of each destination with what to do. What was not checked is left out. */
export const reportText = ({ ok, destinations }: DoctorReport): string => {
  const lines = Object.entries(destinations).flatMap(([name, { checks }]) => {
    const width = Math.max(...checks.map(({ check }) => check.length));
    return [
      `  ${name}`,
      ...checks.flatMap(({ check, result, detail, remedy }) => {
        if (result === 'skipped') return [];
        const line = `    ${MARKS[result].padEnd(MARK_WIDTH)}${check.padEnd(width)}  ${detail}`;
        return remedy === undefined ? [line] : [line, `${' '.repeat(4 + MARK_WIDTH + width + 2)}${remedy}`];
      }),
    ];
  });
  return [
    'tried against Google',
    ...lines,
    '',
    ok ? 'ok: nothing failed.' : 'FAILED: the lines above show what to do.',
  ].join('\n');
};
