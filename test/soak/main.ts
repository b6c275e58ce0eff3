import { parseArgs } from 'node:util';
import type { Row } from './judge.ts';
import { faultsOf, runSoak, type SoakPlan, type SoakResult } from './run.ts';

const USAGE = `Usage: npm run soak -- [--minutes 20] [--lanes 8] [--faults 0.05] [--seed 1]
Mixes everything that callers do, right and wrong, with faults on the way to Drive, against one courier process, and looks
at what it holds while it is idle. Exits 1 unless heap, buffers, descriptors, sockets and timers are flat.`;

const OPTIONS = {
  minutes: { type: 'string', default: '20' },
  lanes: { type: 'string', default: '8' },
  faults: { type: 'string', default: '0.05' },
  seed: { type: 'string', default: '1' },
} as const;

const numberOf = (name: string, text: string, least: number, most: number): number => {
  const number = Number(text);
  if (text === '' || !(number >= least && number <= most))
    throw new Error(`--${name} ${text} is not in ${least} … ${most}.`);
  return number;
};

/** @throws for an unknown option */
const readPlan = (argv: readonly string[]): SoakPlan => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  const minutes = numberOf('minutes', values.minutes, 0.2, 1_440);
  return {
    minutes,
    lanes: numberOf('lanes', values.lanes, 1, 64),
    faults: numberOf('faults', values.faults, 0, 0.5),
    seed: numberOf('seed', values.seed, 0, 2 ** 31),
    samples: Math.min(120, Math.max(12, Math.round(minutes * 6))),
  };
};

const MEBIBYTE = 1_048_576;
const COUNTS: readonly string[] = ['descriptors', 'sockets', 'socketObjects', 'timers'];
const shown = (name: string, value: number): string =>
  COUNTS.includes(name) ? String(Math.round(value)) : `${(value / MEBIBYTE).toFixed(1)} MiB`;

const printRows = (rows: readonly Row[]): void => {
  const line = (cells: readonly string[]): void =>
    console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(16) : cell.padStart(14))).join(''));
  line(['', '2nd quarter', 'last quarter', 'allowed', '']);
  for (const { name, second, last, allowed, isFlat } of rows) {
    line([name, shown(name, second), shown(name, last), shown(name, allowed), isFlat ? 'flat' : 'GROWS']);
  }
};

const printAnswers = ({ answers }: SoakResult): void => {
  for (const [name, kinds] of [...answers].sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`${name.padEnd(32)}${[...kinds].map(([kind, count]) => `${kind} × ${count}`).join(', ')}`);
  }
};

const main = async (plan: SoakPlan): Promise<number> => {
  console.log(`${plan.minutes} minutes, ${plan.lanes} callers at once, faults ${plan.faults}, seed ${plan.seed}`);
  const result = await runSoak({
    ...plan,
    onSample: ({ heap, resident, descriptors, timers }, turns) =>
      console.log(
        `${String(turns).padStart(8)} done: heap ${shown('heap', heap)}, resident ${shown('resident', resident)}, ${descriptors} descriptors, ${timers} timers`,
      ),
  });
  console.log('');
  printAnswers(result);
  console.log(`\n${result.injected} calls to Drive had a fault.\n`);
  printRows(result.rows);
  const faults = faultsOf(result, plan);
  console.log(faults.length === 0 ? '\nFlat.' : `\nNOT AS IT MUST BE: ${faults.join('; ')}`);
  return faults.length === 0 ? 0 : 1;
};

const readOrExplain = (): SoakPlan | undefined => {
  try {
    return readPlan(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return undefined;
  }
};

const plan = readOrExplain();
// In sysexits.h, 64 is wrong usage.
process.exitCode = plan === undefined ? 64 : await main(plan);
