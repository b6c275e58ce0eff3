import type { Check } from '../../src/doctor/report.ts';
import type { World } from './visit.ts';

const UNREACHED = /^Skipped: fix "\S+" first\.$/;

/** How a diagnosis differs from the expected one; empty if it is exactly that. */
export const faultsIn = ({ finds }: Pick<World, 'finds'>, checks: readonly Check[]): string[] => {
  const faults = Object.keys(finds)
    .filter((name) => !checks.some(({ check }) => check === name))
    .map((name) => `${name}: not in the report`);
  const failing = Object.values(finds).some(({ result }) => result === 'failed');
  for (const { check, result, detail, remedy } of checks) {
    const expected = finds[check];
    if (expected === undefined) {
      const isUnreached = failing && result === 'skipped' && UNREACHED.test(detail);
      if (result !== 'passed' && !isUnreached) faults.push(`${check}: ${result} (${detail}), not passed`);
      continue;
    }
    if (result !== expected.result) faults.push(`${check}: ${result} (${detail}), not ${expected.result}`);
    else if (expected.detail?.test(detail) === false)
      faults.push(`${check}: "${detail}" is not like ${expected.detail}`);
    else if (expected.remedy?.test(remedy ?? '') === false)
      faults.push(`${check}: the remedy "${remedy}" is not like ${expected.remedy}`);
  }
  return faults;
};
