import type { Check } from '../../src/doctor/report.ts';
import { faultsIn } from './judge.ts';
import { visit } from './visit.ts';
import { WORLDS } from './worlds.ts';

/** `npm run doctor:worlds`: what the doctor reports in each broken setup, and whether that is correct. */

const MARKS = { passed: '✓', warned: '!', failed: '✗', skipped: '-' } as const;

const findings = (checks: readonly Check[]): Check[] => {
  const problems = checks.filter(({ result }) => result === 'failed' || result === 'warned');
  return problems.length > 0 ? problems : [{ check: 'all', result: 'passed', detail: 'Everything is in order.' }];
};

let wrong = 0;
for (const world of WORLDS) {
  const { report } = await visit(world);
  const checks = report.destinations.reports?.checks ?? [];
  const faults = faultsIn(world, checks);
  wrong += faults.length > 0 ? 1 : 0;
  console.log(`${faults.length === 0 ? 'right' : 'WRONG'}  ${world.name}`);
  for (const { check, result, detail, remedy } of findings(checks)) {
    console.log(`         ${MARKS[result]} ${check}: ${detail}`);
    if (remedy !== undefined) console.log(`           ${remedy}`);
  }
  for (const fault of faults) console.log(`         WRONG: ${fault}`);
}
console.log(
  `\n${WORLDS.length} worlds, ${wrong === 0 ? 'each with the right diagnosis' : `${wrong} of them misjudged`}`,
);
process.exitCode = wrong === 0 ? 0 : 1;
