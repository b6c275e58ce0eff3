import type { CourierError } from '../errors.ts';

/** The result of one check of the setup. */
export interface Check {
  /** `clock`, `token`, `folder`, … */
  check: string;
  result: 'passed' | 'warned' | 'failed' | 'skipped';
  detail: string;
  /** What to do: a command to paste, if there is one. */
  remedy?: string;
}

/** The answer of `GET /v1/doctor`. */
export interface DoctorReport {
  /** False if a check failed; warnings don't count. */
  ok: boolean;
  /** What needs action: failures first, then warnings. A finding that several destinations share is listed once. */
  findings: Finding[];
  /** All checks, by destination. */
  destinations: Record<string, { ok: boolean; checks: Check[] }>;
}

/** The answer of `GET /v1/ready`, which needs no token. */
export interface Readiness {
  ok: boolean;
  /** What fails, without names, once for all destinations. */
  findings: { check: string; detail: string }[];
}

/** A failure or a warning, with the destinations that it concerns. */
export interface Finding extends Check {
  result: 'failed' | 'warned';
  destinations: string[];
}

const isFinding = (check: Check): check is Check & { result: Finding['result'] } =>
  check.result === 'failed' || check.result === 'warned';

/** The short form of a report. A setup with fifty destinations and one missing key has one finding. */
export const findingsOf = (destinations: DoctorReport['destinations']): Finding[] => {
  const findings = new Map<string, Finding>();
  for (const [name, { checks }] of Object.entries(destinations)) {
    for (const check of checks.filter(isFinding)) {
      const key = JSON.stringify([check.check, check.result, check.detail, check.remedy]);
      const known = findings.get(key);
      if (known === undefined) findings.set(key, { ...check, destinations: [name] });
      else known.destinations.push(name);
    }
  }
  const all = [...findings.values()];
  return [...all.filter(({ result }) => result === 'failed'), ...all.filter(({ result }) => result === 'warned')];
};

export const passed = (check: string, detail: string): Check => ({ check, result: 'passed', detail });
export const skipped = (check: string, detail: string): Check => ({ check, result: 'skipped', detail });
/** For what the courier is not allowed to see, and does not need to: the remedy explains how to check it by hand. */
export const notChecked = (check: string, detail: string, remedy: string): Check => ({
  check,
  result: 'skipped',
  detail: `Not checked: ${detail}`,
  remedy,
});
export const warned = (check: string, detail: string, remedy: string): Check => ({
  check,
  result: 'warned',
  detail,
  remedy,
});
export const failed = (check: string, detail: string, remedy: string): Check => ({
  check,
  result: 'failed',
  detail,
  remedy,
});

/** The failed check for an error, with the error's own remedy unless another is given. */
export const failedWith = (check: string, error: CourierError, remedy: string = error.remedy): Check =>
  failed(check, error.detail ?? `${error.title}.`, remedy);

/** One of several faults that one check found. */
export interface Fault {
  result: 'failed' | 'warned';
  detail: string;
  remedy: string;
}

/** Several faults as one check, which has the result of the worst of them. */
export const fromFaults = (check: string, intro: string, faults: readonly Fault[]): Check => {
  const make = faults.some(({ result }) => result === 'failed') ? failed : warned;
  const detail = [intro, ...faults.map(({ detail }) => detail)].filter((text) => text !== '').join(' ');
  return make(check, detail, [...new Set(faults.map(({ remedy }) => remedy))].join('; '));
};
