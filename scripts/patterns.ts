// Lists every regular expression of src/ and fails if one of them can take more than linear time on some text. Most of
// them read what callers, Google or other servers send, and one that backtracks blocks the event loop for all requests.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AttackPattern, checkSync as CheckSync } from 'recheck';
import recheck from 'recheck/package.json' with { type: 'json' };
import ts from 'typescript';

interface Pattern {
  where: string;
  source: string;
  flags: string;
}

const root = fileURLToPath(new URL('../', import.meta.url));
const CHECK_MS = 300_000;

const { checkSync } = createRequire(import.meta.url)('recheck') as { checkSync: typeof CheckSync };

const filesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
    .sort();

/** The regular expression literals of a file, and the number of expressions that it builds at run time. */
const patternsIn = (file: string): { literals: Pattern[]; built: number } => {
  const tree = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const literals: Pattern[] = [];
  let built = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const { line } = tree.getLineAndCharacterOfPosition(node.getStart());
      const end = node.text.lastIndexOf('/');
      literals.push({
        where: `${file}:${line + 1}`,
        source: node.text.slice(1, end),
        flags: node.text.slice(end + 1),
      });
    }
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'RegExp') built += 1;
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { literals, built };
};

/** The expressions that files build when they are loaded. Expressions that their libraries build are not counted. */
const builtIn = async (files: readonly string[]): Promise<Pattern[]> => {
  const built: Pattern[] = [];
  const Plain = globalThis.RegExp;
  globalThis.RegExp = new Proxy(Plain, {
    construct(target, [source, flags = '']: [string | RegExp, string?]) {
      const made = new target(source, flags);
      const [, , caller = ''] = new Error('here').stack?.split('\n') ?? [];
      const where = files.find((file) => caller.includes(`/${file}:`));
      if (where !== undefined) built.push({ where, source: made.source, flags: made.flags });
      return made;
    },
  });
  try {
    for (const file of files) await import(pathToFileURL(join(root, file)).href);
  } finally {
    globalThis.RegExp = Plain;
  }
  return built;
};

const LINEAR = 'linear';

const REPETITIONS = 50_000;
const SLOW_MS = 100;

/** The CPU time of one match of a text that recheck thinks is slow, with many repetitions. Quadratic time is seconds. */
const attackMs = ({ source, flags }: Pattern, { pumps, suffix }: AttackPattern): number => {
  const text = pumps.map(({ prefix, pump }) => prefix + pump.repeat(REPETITIONS)).join('') + suffix;
  const start = process.cpuUsage();
  new RegExp(source, flags).test(text);
  return process.cpuUsage(start).user / 1000;
};

/**
 * How long a match may take: "linear", or what is wrong with the pattern. Patterns with lookaheads or long counted
 * repetitions are checked by trying texts, and a polynomial that this suspects depends on chance, so it is measured.
 */
const verdictOn = (pattern: Pattern): string => {
  const checked = checkSync(pattern.source, pattern.flags, { timeout: CHECK_MS, randomSeed: 1 });
  if (checked.status === 'safe') return LINEAR;
  if (checked.status === 'unknown') return 'could not be checked';
  const { checker, complexity, attack } = checked;
  const suspected = checker === 'fuzz' && complexity.type === 'polynomial';
  return suspected && attackMs(pattern, attack) < SLOW_MS ? LINEAR : complexity.summary;
};

/** Verdicts of earlier runs: a pattern that did not change is not checked again. */
const CACHE = join(root, 'node_modules/.cache/patterns', `${recheck.version}.json`);
const readCache = (): Record<string, string> => {
  try {
    return JSON.parse(readFileSync(CACHE, 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
};

const files = filesIn('src').map((file) => ({ file, ...patternsIn(file) }));
const building = files.filter(({ built }) => built > 0);
const built = await builtIn(building.map(({ file }) => file));
const faults = building
  .filter(({ file, built: calls }) => built.filter(({ where }) => where === file).length < calls)
  .map(({ file }) => `${file}: builds a RegExp when a function is called, which cannot be checked`);

const earlier = process.argv.includes('--fresh') ? {} : readCache();
const verdicts: Record<string, string> = {};
const patterns = [...files.flatMap(({ literals }) => literals), ...built];
for (const pattern of patterns) {
  const text = `/${pattern.source}/${pattern.flags}`;
  const verdict = verdicts[text] ?? earlier[text] ?? verdictOn(pattern);
  verdicts[text] = verdict;
  if (process.argv.includes('--list')) console.log(`${verdict}\t${pattern.where}\t${text}`);
  if (verdict !== LINEAR) faults.push(`${pattern.where}: ${verdict}: ${text}`);
}
mkdirSync(dirname(CACHE), { recursive: true });
writeFileSync(CACHE, JSON.stringify(verdicts, null, 2));
for (const fault of faults) console.error(fault);
console.log(
  `regular expressions, ${patterns.length}: ${faults.length === 0 ? 'all linear' : `${faults.length} faults`}`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
