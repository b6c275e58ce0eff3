import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, matchesGlob } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_KEPT, runMutation } from './mutation.ts';
import { nameOf } from './report.ts';
import { MUTATED, TESTS, WITHOUT } from './rooms.ts';
import { endAll } from './runs/run-tests.ts';
import { removeCopies } from './runs/working-copy.ts';

/** `npm run mutate`: do the tests notice when a line of the most critical code is wrong? */

const USAGE = `npm run mutate -- [--sample 330] [--seed 1] [--files 'src/identity/*.ts'] [--tests 'test/unit/**'] [--since main] [--workers N] [--measure] [--json FILE]
  --sample N    so many mutants, chosen by --seed; 0: all (default 330, or all with --files or --since)
  --files GLOB  only mutants of these files; may be given more than once
  --tests GLOB  only these test files; may be given more than once
  --since REF   only mutants of files that differ from a commit
  --measure     measures again which test reaches what, rather than only for test files that have changed
State is kept in .mutate/, so a run that was stopped continues where it was. Exit code 1 below 95 %.`;

const FLOOR_PERCENT = 95;
const DEFAULT_SAMPLE = 330;

const { values } = parseArgs({
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    files: { type: 'string', multiple: true },
    tests: { type: 'string', multiple: true },
    since: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    measure: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const wholeNumber = (text: string, name: string): number => {
  if (/^\d+$/.test(text)) return Number(text);
  console.error(`--${name} must be a whole number\n${USAGE}`);
  process.exit(64);
};

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const root = process.cwd();
const { files, since } = values;
const changed =
  since === undefined
    ? undefined
    : execFileSync('git', ['diff', '--name-only', since, '--', 'src'], { encoding: 'utf8' }).split('\n');
const isChosen = (file: string): boolean =>
  (files === undefined || files.some((pattern) => matchesGlob(file, pattern))) &&
  (changed === undefined || changed.includes(file));
const isNarrow = files !== undefined || since !== undefined;
const sample = values.sample === undefined ? (isNarrow ? 0 : DEFAULT_SAMPLE) : wholeNumber(values.sample, 'sample');

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endAll();
    removeCopies();
    process.exit(130);
  });
}

const result = await runMutation({
  root,
  mutated: MUTATED,
  tests: values.tests ?? TESTS,
  without: WITHOUT,
  only: isChosen,
  equivalents: join(root, 'test/mutate/equivalent.json'),
  kept: DEFAULT_KEPT(root),
  ...(sample === 0 ? {} : { sample }),
  seed: wholeNumber(values.seed, 'seed'),
  workers: Math.max(1, wholeNumber(values.workers, 'workers')),
  again: values.measure,
  floor: FLOOR_PERCENT,
  say: (line) => console.log(line),
});

if (values.json !== undefined) {
  const mutants = result.judged.map(({ mutant, verdict }) => ({ name: nameOf(mutant), ...verdict }));
  writeFileSync(values.json, `${JSON.stringify({ percent: result.percent, mutants }, undefined, 2)}\n`);
}
process.exitCode = result.isEnough ? 0 : 1;
