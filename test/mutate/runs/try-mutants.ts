import { digest, type Mutant } from '../mutants/mutants.ts';
import { type Project, type Reach, readText, testsFor } from './reach.ts';
import { type Limits, runTests } from './run-tests.ts';
import type { Verdict, Verdicts } from './verdicts.ts';
import { createWorkingCopy, type WorkingCopy } from './working-copy.ts';

/** A test that takes this much longer than without the mutant counts as hanging. A busy machine needs some margin. */
export const defaultLimits = (usualMs: number): Limits => ({
  wholeMs: 10_000 + 5 * usualMs,
  oneTestMs: 5_000 + 3 * usualMs,
});

/** Test files are run up to this total of usual durations. A mutant that is still alive then has survived. */
const PATIENCE_MS = 60_000;

interface Trial {
  project: Project;
  reach: Reach;
  verdicts: Verdicts;
  /** The time limit for a test file with this usual duration in milliseconds. */
  limits(usualMs: number): Limits;
  /** How many mutants of a source file each test file has killed. */
  kills: Map<string, number>;
}

const killKey = (file: string, test: string): string => `${file} ${test}`;

/** The most likely and quickest first. */
const inOrder = ({ reach, kills }: Trial, file: string, tests: readonly string[]): string[] => {
  const cost = (test: string): number => (reach[test]?.milliseconds ?? 0) / (1 + (kills.get(killKey(file, test)) ?? 0));
  const sorted = [...tests].sort((one, other) => cost(one) - cost(other));
  let spentMs = 0;
  return sorted.filter((test, index) => {
    spentMs += reach[test]?.milliseconds ?? 0;
    return index < 3 || spentMs <= PATIENCE_MS;
  });
};

/** The test files for a mutant, and a hash that identifies them. */
const testsOf = (trial: Trial, { file, region }: Mutant): { tests: string[]; hash: string } => {
  const { project, reach } = trial;
  const found = testsFor(reach, { file, region, hash: digest(readText(project, file)) });
  return { tests: inOrder(trial, file, found), hash: digest(...found.map((test) => `${test} ${reach[test]?.hash}`)) };
};

const tryOne = async (trial: Trial, copy: WorkingCopy, mutant: Mutant): Promise<Verdict> => {
  const { reach, kills } = trial;
  const { id, file } = mutant;
  const { tests, hash } = testsOf(trial, mutant);
  if (tests.length === 0) return { id, outcome: 'unreached', milliseconds: 0, tests: hash };
  let milliseconds = 0;
  copy.write(file, mutant.mutated);
  try {
    for (const test of tests) {
      const run = await runTests(copy, test, trial.limits(reach[test]?.milliseconds ?? 0));
      milliseconds += Math.round(run.milliseconds);
      if (run.outcome === 'passed') continue;
      kills.set(killKey(file, test), (kills.get(killKey(file, test)) ?? 0) + 1);
      return {
        id,
        outcome: run.outcome === 'failed' ? 'killed' : 'timeout',
        by: test,
        failure: run.failure,
        milliseconds,
      };
    }
  } finally {
    copy.restore(file);
  }
  return { id, outcome: 'survived', milliseconds, tests: hash };
};

/** An earlier verdict is valid for the same text, and one of survival only with the same tests. */
const isStanding = (trial: Trial, mutant: Mutant): boolean => {
  const known = trial.verdicts.get(mutant.id);
  if (known === undefined) return false;
  return known.tests === undefined || known.tests === testsOf(trial, mutant).hash;
};

/** Tries each mutant without a verdict. Each worker has its own copy. */
export const tryMutants = async (
  given: Omit<Trial, 'kills'>,
  mutants: readonly Mutant[],
  { workers, onVerdict }: { workers: number; onVerdict(mutant: Mutant, verdict: Verdict, left: number): void },
): Promise<void> => {
  const { project, verdicts } = given;
  const trial: Trial = { ...given, kills: new Map() };
  for (const { id, file } of mutants) {
    const by = verdicts.get(id)?.by;
    if (by !== undefined) trial.kills.set(killKey(file, by), (trial.kills.get(killKey(file, by)) ?? 0) + 1);
  }
  const open = mutants.filter((mutant) => !isStanding(trial, mutant));
  const work = async (): Promise<void> => {
    const copy = createWorkingCopy(project.root, project.copies);
    try {
      for (let mutant = open.shift(); mutant !== undefined; mutant = open.shift()) {
        const verdict = await tryOne(trial, copy, mutant);
        verdicts.add(verdict);
        onVerdict(mutant, verdict, open.length);
      }
    } finally {
      copy.remove();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, open.length) }, work));
};
