/** What was found at one point of the set-up. */
export interface Check {
  /** `clock`, `token`, `folder`, … */
  check: string;
  result: 'passed' | 'warned' | 'failed' | 'skipped';
  detail: string;
  /** What to do, as a command to paste where there is one. */
  remedy?: string;
}

/** The answer of `GET /v1/doctor`. */
export interface DoctorReport {
  /** False where something fails; warnings do not count. */
  ok: boolean;
  /** What somebody has to act on: failures first, then warnings; one that several destinations share is told once. */
  findings: Finding[];
  /** By destination: everything that was looked at. */
  destinations: Record<string, { ok: boolean; checks: Check[] }>;
}

/** The answer of `GET /v1/ready`, for anybody. */
export interface Readiness {
  ok: boolean;
  /** What fails, in general words, once however many destinations it concerns. */
  findings: { check: string; detail: string }[];
}

/** A failure or a warning, and the destinations that have it. */
export interface Finding extends Check {
  result: 'failed' | 'warned';
  destinations: string[];
}

const isFinding = (check: Check): check is Check & { result: Finding['result'] } =>
  check.result === 'failed' || check.result === 'warned';

/** The short form of a report. A set-up with fifty destinations and one lost key has one finding. */
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
/** For what the courier may not see, and need not: the remedy says how somebody else can look. */
export const unseen = (check: string, detail: string, remedy: string): Check => ({
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

/** One of several things that are wrong at one point. */
export interface Fault {
  result: 'failed' | 'warned';
  detail: string;
  remedy: string;
}

/** Several faults as one check: as bad as the worst of them. */
export const fromFaults = (check: string, intro: string, faults: readonly Fault[]): Check => {
  const say = faults.some(({ result }) => result === 'failed') ? failed : warned;
  const told = [intro, ...faults.map(({ detail }) => detail)].filter((text) => text !== '').join(' ');
  return say(check, told, [...new Set(faults.map(({ remedy }) => remedy))].join('; '));
};
