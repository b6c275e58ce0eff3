import { join } from 'node:path';
import { readEquivalents, reasonOf, staleOf } from './mutants/equivalent.ts';
import { type Mutant, mutantsOf } from './mutants/mutants.ts';
import { listFiles, measureReach, type Project, readText } from './runs/reach.ts';
import { type Judged, nameOf, reportOf, scoreOf } from './report.ts';
import { endAll, type Limits } from './runs/run-tests.ts';
import { sampleOf } from './mutants/sample.ts';
import { defaultLimits, tryMutants } from './runs/try-mutants.ts';
import { openVerdicts, type Verdict } from './runs/verdicts.ts';

export interface MutationOptions {
  root: string;
  /** Globs below the root: the files to mutate, and the tests, with their exclusions. */
  mutated: readonly string[];
  tests: readonly string[];
  without?: readonly string[];
  /** A further filter of the files to mutate. */
  only?: (file: string) => boolean;
  /** The list of equivalent mutants. */
  equivalents: string;
  /** Where state is kept. */
  kept: string;
  /** Where working copies are created; default: the system's folder for temporary files. */
  copies?: string;
  /** The maximum of mutants; default: all. */
  sample?: number;
  seed: number;
  workers: number;
  /** Measures again which test reaches what. */
  again?: boolean;
  /** The time limit for a test file with this usual duration in milliseconds. */
  limits?: (usualMs: number) => Limits;
  /** Percent. */
  floor: number;
  say(line: string): void;
}

export interface MutationResult {
  percent: number;
  judged: Judged[];
  /** Sampled mutants that are on the list of equivalents, with their reasons. */
  equivalent: { mutant: Mutant; reason: string }[];
  isEnough: boolean;
}

const chosenOf = (
  project: Project,
  { only = () => true, sample, seed }: MutationOptions,
  all: readonly Mutant[],
): Mutant[] =>
  sampleOf(all, sample ?? all.length, seed).filter(({ file }) => only(file) && project.sources.includes(file));

const progress = (mutant: Mutant, { outcome, by, milliseconds }: Verdict, left: number): string => {
  const how = by === undefined ? outcome : `${outcome} by ${by}`;
  return `[${left} left] ${how} (${(milliseconds / 1000).toFixed(1)} s): ${nameOf(mutant)}`;
};

/** Mutates a project, runs its tests against each mutant, and reports the survivors. */
export const runMutation = async (options: MutationOptions): Promise<MutationResult> => {
  const { root, kept, workers, again, floor, say, limits = defaultLimits } = options;
  const project: Project = {
    root,
    kept,
    copies: options.copies,
    sources: listFiles(root, { patterns: options.mutated, ending: '.ts' }),
    tests: listFiles(root, { patterns: options.tests, without: options.without, ending: '.test.ts' }),
  };
  const { only = () => true } = options;
  const all = project.sources.filter(only).flatMap((file) => mutantsOf(file, readText(project, file)));
  const chosen = chosenOf(project, options, all);
  const equivalents = readEquivalents(options.equivalents);
  const equivalent = chosen.flatMap((mutant) => {
    const reason = reasonOf(equivalents, mutant);
    return reason === undefined ? [] : [{ mutant, reason }];
  });
  const tried = chosen.filter((mutant) => reasonOf(equivalents, mutant) === undefined);
  say(
    `${tried.length} of ${all.length} mutants are tried; ${equivalent.length} more were chosen that are listed as equivalent`,
  );
  try {
    const reach = await measureReach(project, { workers, say, ...(again === undefined ? {} : { again }) });
    const verdicts = openVerdicts(kept);
    const onVerdict = (mutant: Mutant, verdict: Verdict, left: number): void => say(progress(mutant, verdict, left));
    await tryMutants({ project, reach, verdicts, limits }, tried, { workers, onVerdict });
    const judged = tried.flatMap((mutant) => {
      const verdict = verdicts.get(mutant.id);
      return verdict === undefined ? [] : [{ mutant, verdict }];
    });
    for (const stale of staleOf(equivalents, all)) {
      say(
        `listed as equivalent, but there is no such mutant any more: ${stale.file}: ${stale.text} (${stale.before} -> ${stale.after})`,
      );
    }
    for (const line of reportOf(judged, floor)) say(line);
    const { percent } = scoreOf(judged);
    return { percent, judged, equivalent, isEnough: percent >= floor };
  } finally {
    endAll();
  }
};

export const DEFAULT_KEPT = (root: string): string => join(root, '.mutate');
