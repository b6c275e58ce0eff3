import type { DoctorDependencies } from './dependencies.ts';
import { examine } from './examine.ts';
import type { Check, DoctorReport, Readiness } from './report.ts';

/**
 * What each check is about, for anybody who asks: no name, account, folder or project of this installation. The doctor tells
 * operators the rest.
 */
const IN_GENERAL: Readonly<Record<string, string>> = {
  clock: "Google's front end cannot be reached, or the clock is off.",
  ledger: 'The ledger does not answer.',
  identity: 'The courier has no identity of its own towards Google.',
  secret: 'A secret cannot be read.',
  key: 'A key cannot be used.',
  token: 'Google gives out no token for a credential.',
  scope: 'A token may not write to Drive.',
  'drive-api': 'The Drive API does not answer as it should.',
  folder: 'The folder of a destination cannot be seen.',
  search: 'The folder of a destination cannot be searched.',
  writable: 'The folder of a destination cannot be written to.',
  storage: 'There is no storage for new files of a destination.',
};

/** How long an answer stands: anybody may ask, and each look costs calls to Google. */
const READY_MS = 60_000;
const NOT_READY_MS = 10_000;

/** For the log, which operators read: by destination, with names and remedies. */
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
  return Object.entries(IN_GENERAL).flatMap(([check, detail]) => (failing.includes(check) ? [{ check, detail }] : []));
};

/** Whether deliveries would work, looked at by one at a time and at most once in a while, however many ask. */
export const createReadiness = (dependencies: DoctorDependencies): (() => Promise<Readiness>) => {
  const { now, log } = dependencies;
  let known: { readiness: Readiness; untilMs: number } | undefined;
  let pending: Promise<Readiness> | undefined;

  const lookNow = async (): Promise<Readiness> => {
    const report = await examine(dependencies, { write: false, essentials: true });
    const findings = findingsOf(report);
    const readiness = { ok: findings.length === 0, findings };
    if (!readiness.ok) log.warn({ failing: failingOf(report) }, 'not ready: deliveries would fail');
    known = { readiness, untilMs: now() + (readiness.ok ? READY_MS : NOT_READY_MS) };
    return readiness;
  };

  return async () => {
    if (known !== undefined && now() < known.untilMs) return known.readiness;
    pending ??= lookNow().finally(() => {
      pending = undefined;
    });
    return pending;
  };
};
