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
  /** By destination. */
  destinations: Record<string, { ok: boolean; checks: Check[] }>;
}

export const passed = (check: string, detail: string): Check => ({ check, result: 'passed', detail });
export const skipped = (check: string, detail: string): Check => ({ check, result: 'skipped', detail });
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
