import { superseded } from '../errors.ts';

/** Rows that wait for their change, while another try of their delivery may supersede them. */
export interface Supersedable {
  /** An earlier try may have written it: its mark is looked up first. */
  mayBeDone: boolean;
  /** Asks the ledger whether another try supersedes this one: it was answered, or uses another spreadsheet. */
  isSuperseded: (() => Promise<boolean>) | undefined;
  /** When the ledger was last asked about the delivery, in epoch milliseconds. */
  askedAtMs: number;
  fail(error: unknown): void;
}

/** An answer of the ledger that is older is asked for again before rows are written. In milliseconds. */
export const MAX_ANSWER_AGE_MS = 1_000;

/**
 * Drops the jobs that another try of their delivery has superseded while they waited. If that try was answered, its marks may
 * be removed by now, so only the ledger shows it.
 */
export const dropSuperseded = async <Job extends Supersedable>(jobs: readonly Job[], nowMs: number): Promise<Job[]> => {
  const states = await Promise.all(
    jobs.map(async ({ isSuperseded, mayBeDone, askedAtMs }) =>
      mayBeDone || nowMs - askedAtMs > MAX_ANSWER_AGE_MS ? ((await isSuperseded?.()) ?? false) : false,
    ),
  );
  return jobs.filter((job, at) => {
    if (states[at] === true) job.fail(superseded());
    return states[at] !== true;
  });
};
