import { createRefreshingValue } from '../refreshing-value.ts';
import type { DoctorDependencies } from './dependencies.ts';
import { examine } from './examine.ts';
import type { Check, DoctorReport, Readiness } from './report.ts';

/**
 * What a failed check means, for callers without a token: no names, accounts, folders or projects of this installation. The
 * doctor reports the details to operators.
 */
const GENERAL_DETAILS: Readonly<Record<string, string>> = {
  clock: 'Google cannot be reached, or the clock of the machine is wrong.',
  ledger: 'The ledger does not answer.',
  identity: 'The courier has no Google identity of its own.',
  secret: 'A secret cannot be read.',
  key: 'A key is not valid.',
  token: 'Google issues no token for one of the credentials.',
  scope: 'A token is not allowed to write to Drive.',
  'drive-api': 'The Drive API does not answer correctly.',
  folder: 'The folder of a destination cannot be seen.',
  spreadsheet: 'The spreadsheet of a destination cannot be used.',
  'sheets-api': 'The Sheets API does not answer correctly.',
  search: 'The folder of a destination cannot be searched.',
  writable: 'The folder of a destination cannot be written to.',
  storage: 'There is no storage left for new files of a destination.',
};

/** How long a result is kept, because anybody may ask, and each examination takes calls to Google. */
const READY_MS = 60_000;
const NOT_READY_MS = 10_000;

/** The failed checks by destination, with names and remedies, for the log. */
const failingOf = ({ destinations }: DoctorReport): Record<string, Check[]> =>
  Object.fromEntries(
    Object.entries(destinations).map(([name, { checks }]) => [
      name,
      checks.filter(({ result }) => result === 'failed'),
    ]),
  );

const findingsOf = ({ destinations }: DoctorReport): Readiness['findings'] => {
  const failing = Object.values(destinations).flatMap(({ checks }) =>
    checks.flatMap(({ check, result }) => (result === 'failed' ? [check] : [])),
  );
  return Object.entries(GENERAL_DETAILS).flatMap(([check, detail]) =>
    failing.includes(check) ? [{ check, detail }] : [],
  );
};

/** Whether deliveries would work. It is examined once at a time, and its result is kept, however many callers ask. */
export const createReadiness = (dependencies: DoctorDependencies): (() => Promise<Readiness>) => {
  const { now, log } = dependencies;
  const readiness = createRefreshingValue<Readiness & { examinedAtMs: number }>({
    async load() {
      const report = await examine(dependencies, { write: false, essentials: true });
      const findings = findingsOf(report);
      const ok = findings.length === 0;
      if (!ok) log.warn({ failing: failingOf(report) }, 'Not ready: deliveries would fail');
      return { ok, findings, examinedAtMs: now() };
    },
    isStale: () => false,
    isExpired: ({ ok, examinedAtMs }, nowMs) => nowMs >= examinedAtMs + (ok ? READY_MS : NOT_READY_MS),
    now,
  });
  return async () => {
    const { ok, findings } = await readiness.get();
    return { ok, findings };
  };
};
