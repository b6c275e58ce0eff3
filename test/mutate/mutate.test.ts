import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { reasonOf, staleOf } from './mutants/equivalent.ts';
import { type Mutant, mutantsOf } from './mutants/mutants.ts';
import { type MutationOptions, type MutationResult, runMutation } from './mutation.ts';
import { nameOf } from './report.ts';
import { listFiles } from './runs/reach.ts';
import { sampleOf } from './mutants/sample.ts';

/** Runs the mutation runner on a project of a few lines. */

const ROOT = process.cwd();
const RUN_MS = 180_000;

const SOURCE = `import { codes } from './codes.ts';

export const fee = (amount: number): number => {
  if (amount > 100) return 0;
  return codes.length;
};

export const greeting = (name: string): string => {
  if (name === '') throw new Error('a name is needed for a greeting');
  return name;
};
`;

/** Starts another process, as many of the courier's tests do: what it reaches counts too. */
const TEST = `import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { fee } from '../src/fees.ts';

test('small amounts cost a fee', () => {
  expect(fee(99)).toBe(2);
  expect(fee(101)).toBe(0);
});

test('a greeting, in a process of its own', () => {
  const script = "import('./src/fees.ts').then(({ greeting }) => console.log(greeting('Ann')))";
  expect(execFileSync(process.execPath, ['-e', script], { env: {}, encoding: 'utf8' })).toBe('Ann\\n');
});
`;

const homes: string[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'mutate-test-'));
  homes.push(folder);
  return folder;
};

const makeProject = (test: string = TEST): string => {
  const root = makeFolder();
  const files = {
    'package.json': '{"type":"module"}',
    'jest.config.mjs': readFileSync(join(ROOT, 'jest.config.mjs'), 'utf8'),
    'src/fees.ts': SOURCE,
    'src/codes.ts': "export const codes = ['a', 'b'];\n",
    'test/fees.test.ts': test,
    'test/support/processes/strip-types.mjs': readFileSync(
      join(ROOT, 'test/support/processes/strip-types.mjs'),
      'utf8',
    ),
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
};

const run = async (
  root: string,
  more: Partial<MutationOptions> = {},
): Promise<MutationResult & { lines: string[] }> => {
  const lines: string[] = [];
  const result = await runMutation({
    root,
    mutated: ['src/fees.ts'],
    tests: ['test/**/*.test.ts'],
    equivalents: join(root, 'equivalent.json'),
    kept: join(root, '.mutate'),
    seed: 1,
    workers: 2,
    floor: 95,
    say: (line) => lines.push(line),
    ...more,
  });
  return { ...result, lines };
};

const outcomesOf = ({ judged }: MutationResult): Record<string, string> =>
  Object.fromEntries(judged.map(({ mutant, verdict }) => [nameOf(mutant), verdict.outcome]));

test(
  'each mutant is killed or reported as a survivor; the project stays unchanged, and the next run continues',
  async () => {
    const root = makeProject();
    const copies = makeFolder();
    const first = await run(root, { copies });
    expect(outcomesOf(first)).toEqual({
      'src/fees.ts:4 condition: "amount > 100" -> "true" in fee': 'killed',
      'src/fees.ts:4 condition: "amount > 100" -> "false" in fee': 'killed',
      // The boundary and the missing name have no tests.
      'src/fees.ts:4 comparison: ">" -> ">=" in fee': 'survived',
      'src/fees.ts:4 literal: "100" -> "101" in fee': 'killed',
      'src/fees.ts:4 literal: "0" -> "1" in fee': 'killed',
      'src/fees.ts:5 result: "codes.length" -> "undefined" in fee': 'killed',
      'src/fees.ts:9 condition: "name === \'\'" -> "true" in greeting': 'killed',
      'src/fees.ts:9 condition: "name === \'\'" -> "false" in greeting': 'survived',
      'src/fees.ts:9 comparison: "===" -> "!==" in greeting': 'killed',
      'src/fees.ts:9 literal: "\'\'" -> "\'mutated\'" in greeting': 'survived',
      'src/fees.ts:10 result: "name" -> "undefined" in greeting': 'killed',
    });
    expect([first.isEnough, Math.round(first.percent)]).toEqual([false, 73]);
    expect(first.lines.filter((line) => line.includes('SURVIVED'))).toHaveLength(3);
    expect(readFileSync(join(root, 'src/fees.ts'), 'utf8')).toBe(SOURCE);
    expect(readdirSync(copies)).toEqual([]);

    const again = await run(root);
    expect(outcomesOf(again)).toEqual(outcomesOf(first));
    expect(again.lines.filter((line) => line.startsWith('['))).toEqual([]);

    // With a better test, only the survivors are tried again.
    const better = TEST.replace('expect(fee(101)).toBe(0);', 'expect([fee(100), fee(101)]).toEqual([2, 0]);');
    writeFileSync(join(root, 'test/fees.test.ts'), better);
    const last = await run(root);
    expect(last.lines.filter((line) => line.startsWith('['))).toHaveLength(3);
    expect(outcomesOf(last)['src/fees.ts:4 comparison: ">" -> ">=" in fee']).toBe('killed');
  },
  RUN_MS,
);

test('an equivalent mutant is identified by its text, and a listed one that does not exist is reported', () => {
  const listed = { file: 'src/fees.ts', within: 'fee', text: 'if (amount > 100) return 0;', reason: 'nobody has 100' };
  const entries = [
    { ...listed, before: '>', after: '>=' },
    { ...listed, before: '>', after: '<' },
  ];
  const mutants = mutantsOf('src/fees.ts', `// Another line above moves it.\n${SOURCE}`);
  const known = mutants.filter((mutant) => reasonOf(entries, mutant) !== undefined);
  expect(known).toMatchObject([{ line: 5, before: '>', after: '>=' }]);
  expect(staleOf(entries, mutants)).toEqual([entries[1]]);
  expect(staleOf(entries, mutantsOf('src/codes.ts', SOURCE))).toEqual([]);
});

test('a pattern of tests that also matches folders and helpers means the tests in it', () => {
  const patterns = ['test/**'];
  expect(listFiles(makeProject(), { patterns, ending: '.test.ts' })).toEqual(['test/fees.test.ts']);
  expect(listFiles(makeProject(), { patterns, without: ['test/fees*'], ending: '.test.ts' })).toEqual([]);
});

test('the sample of one file does not depend on the content of another', () => {
  const mutants = mutantsOf('src/fees.ts', SOURCE);
  const others = mutantsOf('src/other.ts', SOURCE);
  const namesOf = (chosen: readonly Mutant[]) => chosen.filter(({ file }) => file === 'src/fees.ts').map(nameOf);
  const alone = namesOf(sampleOf(mutants, mutants.length, 1));
  expect(namesOf(sampleOf([...others, ...mutants], 2 * mutants.length, 1))).toEqual(alone);
  expect(namesOf(sampleOf(mutants, mutants.length, 2))).not.toEqual(alone);
  expect(namesOf(sampleOf(mutants, 3, 1))).toEqual(alone.slice(0, 3));
});

test(
  'a test that hangs under a mutant is stopped with all its processes, and the mutant counts as killed',
  async () => {
    const root = makeProject(`import { test } from '@jest/globals';
import { fee } from '../src/fees.ts';
test('waits for the fee', async () => {
  while (fee(1) !== 2) await new Promise((resolve) => setTimeout(resolve, 10));
}, 600_000);
`);
    const limits = () => ({ wholeMs: 5_000, oneTestMs: 60_000 });
    const { judged } = await run(root, { sample: 20, limits });
    const hanging = judged.filter(({ verdict }) => verdict.outcome === 'timeout').map(({ mutant }) => nameOf(mutant));
    expect(hanging).toContain('src/fees.ts:4 condition: "amount > 100" -> "true" in fee');
    // No test reaches the greeting, which is reported instead of counted as a survivor.
    expect(judged.filter(({ verdict }) => verdict.outcome === 'unreached').length).toBeGreaterThan(0);
    expect(existsSync(join(root, 'src/fees.ts'))).toBe(true);
  },
  RUN_MS,
);
