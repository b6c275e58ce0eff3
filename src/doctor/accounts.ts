import type { Check } from './report.ts';

/** The worst result comes first. */
const ORDER: readonly Check['result'][] = ['failed', 'warned', 'passed', 'skipped'];

/** One check of all accounts as one: with the worst result, and what was found for the accounts that have it. */
const mergeCheck = (check: string, found: readonly (Check & { credentials: string })[]): Check => {
  const result = ORDER.find((each) => found.some((one) => one.result === each)) ?? 'skipped';
  const worst = found.filter((one) => one.result === result);
  const isSame = new Set(found.map(({ detail }) => detail)).size === 1;
  const [first] = worst;
  if (first === undefined || isSame) return { check, result, detail: first?.detail ?? '', ...remedyOf(worst) };
  const detail = worst.map(({ credentials, detail }) => `Credentials "${credentials}": ${detail}`).join(' ');
  return { check, result, detail, ...remedyOf(worst) };
};

const remedyOf = (checks: readonly Check[]): Pick<Check, 'remedy'> => {
  const remedies = [...new Set(checks.flatMap(({ remedy }) => remedy ?? []))];
  return remedies.length === 0 ? {} : { remedy: remedies.join('; ') };
};

/** The checks of a destination's accounts as one list. */
export const mergeAccounts = (accounts: readonly { credentials: string; checks: readonly Check[] }[]): Check[] => {
  const [first] = accounts;
  if (accounts.length === 1 && first !== undefined) return [...first.checks];
  const found = accounts.flatMap(({ credentials, checks }) => checks.map((check) => ({ ...check, credentials })));
  return [...new Set(found.map(({ check }) => check))].map((name) =>
    mergeCheck(
      name,
      found.filter(({ check }) => check === name),
    ),
  );
};
