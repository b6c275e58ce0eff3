import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Outcome = 'killed' | 'timeout' | 'survived' | 'unreached';

/** The result of a mutant: one line of the state file. */
export interface Verdict {
  id: string;
  outcome: Outcome;
  /** The test file that failed. */
  by?: string;
  /** Its first failing test. */
  failure?: string;
  milliseconds: number;
  /** The hash of the test files that it survived. With other tests it is tried again. */
  tests?: string;
}

/** Verdicts by mutant, saved so that an interrupted run can continue. */
export interface Verdicts {
  get(id: string): Verdict | undefined;
  add(verdict: Verdict): void;
}

const parseLine = (line: string): Verdict | undefined => {
  try {
    return JSON.parse(line) as Verdict;
  } catch {
    // The last line of a run that was killed.
    return undefined;
  }
};

export const openVerdicts = (folder: string): Verdicts => {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'verdicts.jsonl');
  const known = new Map<string, Verdict>();
  for (const line of existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []) {
    const verdict = line === '' ? undefined : parseLine(line);
    if (verdict !== undefined) known.set(verdict.id, verdict);
  }
  return {
    get: (id) => known.get(id),
    add(verdict) {
      known.set(verdict.id, verdict);
      appendFileSync(path, `${JSON.stringify(verdict)}\n`);
    },
  };
};
