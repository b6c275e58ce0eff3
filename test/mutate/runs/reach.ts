import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digest, parse } from '../mutants/mutants.ts';
import { withProbes } from '../mutants/regions.ts';
import { runTests, type TestRun } from './run-tests.ts';
import { createWorkingCopy, type WorkingCopy } from './working-copy.ts';

/**
 * Which test file reaches which region of which source file. Measured once, saved, and measured again when a test
 * changes.
 */

/** What one test file reached when it ran without any change. */
interface Reached {
  /** The hash of the test file's text. */
  hash: string;
  milliseconds: number;
  /** False for a file that fails without a mutant, so that it proves nothing. */
  passed: boolean;
  /** By source file. The hash identifies the text of it that the regions belong to. */
  files: Record<string, { hash: string; regions: number[] }>;
}

export type Reach = Record<string, Reached>;

export interface Project {
  root: string;
  /** The source files to mutate, below the root. */
  sources: readonly string[];
  /** The test files that may run, below the root. */
  tests: readonly string[];
  /** Where state is kept. */
  kept: string;
  /** Where working copies are created; default: the system's folder for temporary files. */
  copies?: string | undefined;
}

/** Without a mutant no test hangs. */
const FIRST_LIMITS = { wholeMs: 300_000, oneTestMs: 60_000 };

/** Files with this ending. A pattern such as `test/unit/**` also matches folders, and files that tests import. */
export const listFiles = (
  root: string,
  {
    patterns,
    without = [],
    ending,
  }: { patterns: readonly string[]; without?: readonly string[] | undefined; ending: string },
): string[] =>
  globSync([...patterns], { cwd: root, exclude: [...without] })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith(ending))
    .sort();

export const readText = ({ root }: Pick<Project, 'root'>, file: string): string =>
  readFileSync(join(root, file), 'utf8');

const fileOf = ({ kept }: Project): string => join(kept, 'reach.json');

const readKept = (project: Project): Reach =>
  existsSync(fileOf(project)) ? (JSON.parse(readFileSync(fileOf(project), 'utf8')) as Reach) : {};

const keep = (project: Project, reach: Reach): void => {
  mkdirSync(dirname(fileOf(project)), { recursive: true });
  writeFileSync(fileOf(project), JSON.stringify(reach));
};

const parseHits = (hits: string): Map<string, number[]> => {
  const found = new Map<string, Set<number>>();
  for (const line of hits.split('\n')) {
    const at = line.lastIndexOf('#');
    if (at === -1) continue;
    const file = line.slice(0, at);
    found.set(file, (found.get(file) ?? new Set()).add(Number(line.slice(at + 1))));
  }
  return new Map([...found].map(([file, regions]) => [file, [...regions].sort((one, other) => one - other)]));
};

const measure = async (project: Project, copy: WorkingCopy, hits: string, test: string): Promise<Reached> => {
  let run: TestRun = { outcome: 'failed', milliseconds: 0, failure: '' };
  // Twice, since other load on the machine can disturb a test.
  for (let turn = 0; turn < 2 && run.outcome !== 'passed'; turn++) {
    rmSync(hits, { force: true });
    run = await runTests(copy, test, FIRST_LIMITS);
  }
  const found = parseHits(existsSync(hits) ? readFileSync(hits, 'utf8') : '');
  const files = [...found].map(
    ([file, regions]) => [file, { hash: digest(readText(project, file)), regions }] as const,
  );
  return {
    hash: digest(readText(project, test)),
    milliseconds: Math.round(run.milliseconds),
    passed: run.outcome === 'passed',
    files: Object.fromEntries(files),
  };
};

/** Measures the test files that are new or have changed. @param again measures all of them */
export const measureReach = async (
  project: Project,
  { workers, again = false, say }: { workers: number; again?: boolean; say(line: string): void },
): Promise<Reach> => {
  const known = again ? {} : readKept(project);
  const reach: Reach = {};
  const open: string[] = [];
  for (const test of project.tests) {
    const before = known[test];
    if (before?.passed && before.hash === digest(readText(project, test))) reach[test] = before;
    else open.push(test);
  }
  if (open.length === 0) return reach;
  say(`measuring what ${open.length} test files reach`);
  const work = async (): Promise<void> => {
    const copy = createWorkingCopy(project.root, project.copies);
    const hits = join(copy.root, '..', 'hits');
    try {
      for (const file of project.sources)
        copy.write(file, withProbes(parse(file, readText(project, file)), file, hits));
      for (let test = open.shift(); test !== undefined; test = open.shift()) {
        const reached = await measure(project, copy, hits, test);
        reach[test] = reached;
        keep(project, { ...known, ...reach });
        say(
          `  ${reached.passed ? 'reached' : 'FAILS AS IT IS'}: ${test} (${(reached.milliseconds / 1000).toFixed(1)} s)`,
        );
      }
    } finally {
      copy.remove();
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return reach;
};

/** The test files that reach a region, or any region of the file if it has changed since the measurement. */
export const testsFor = (
  reach: Reach,
  { file, region, hash }: { file: string; region: number; hash: string },
): string[] =>
  Object.entries(reach)
    .filter(([, { passed, files }]) => {
      const reached = files[file];
      if (!passed || reached === undefined) return false;
      return reached.hash !== hash || reached.regions.includes(region);
    })
    .map(([test]) => test);
