import { parseArgs } from 'node:util';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { type EventsOptions, runEvents } from './loads/events.ts';
import { type FolderOptions, runFolder } from './loads/folder.ts';
import { type ChaosPlan, type ChaosResult, faultsOf, runChaos } from './run.ts';
import { runSheet, type SheetOptions } from './loads/sheet.ts';

const USAGE = `npm run chaos -- [--uploads 2000] [--faults 0.2] [--seed N] [--seconds 1500] [--non-member]
npm run chaos -- --once [--uploads 2000] [--keys 200] [--processes 2] [--kill 20] [--ledger firestore|off] [--seed N]
npm run chaos -- --sheet [--appends 500] [--keys 50] [--processes 2] [--kill 5] [--faults 0.2] [--without-marks] [--seed N]
npm run chaos -- --events 500 [--duplicates 0.3] [--kill 20] [--seed N]
npm run chaos -- --folder 2000 [--kill 20] [--faults 0.1] [--seed N]`;

const OPTIONS = {
  once: { type: 'boolean', default: false },
  sheet: { type: 'boolean', default: false },
  'without-marks': { type: 'boolean', default: false },
  appends: { type: 'string', default: '500' },
  events: { type: 'string' },
  folder: { type: 'string' },
  duplicates: { type: 'string', default: '0.3' },
  uploads: { type: 'string', default: '2000' },
  faults: { type: 'string' },
  keys: { type: 'string' },
  processes: { type: 'string' },
  kill: { type: 'string' },
  ledger: { type: 'string', default: 'firestore' },
  'non-member': { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '1500' },
} as const;

/** @throws unless it is a number within the range */
const numberOf = (name: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number => {
  const number = Number(text);
  if (!(number >= least && number <= most)) throw new Error(`--${name} ${text} is not a number from ${least}.`);
  return number;
};

/** The options for `--events`; undefined without it. @throws for an unknown option */
const readEvents = (argv: readonly string[]): EventsOptions | undefined => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  if (values.events === undefined) return undefined;
  return {
    events: numberOf('events', values.events, 1),
    duplicates: numberOf('duplicates', values.duplicates, 0, 1),
    kills: numberOf('kill', values.kill ?? '20', 0),
    seed: numberOf('seed', values.seed, 0),
    print: console.log,
  };
};

const bringEvents = async (events: EventsOptions): Promise<number> => {
  const report = await runEvents(events);
  if (report === undefined) {
    console.error('Without the Firestore emulator there is no ledger that outlives the courier.');
    return 2;
  }
  const { faults, ...figures } = report;
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(14)}${String(figure).padStart(8)}`);
  console.log(faults.length === 0 ? '\nEvery export is one file, whole.' : `\nNOT AS IT MUST BE: ${faults.join('; ')}`);
  return faults.length === 0 ? 0 : 1;
};

/** The options for `--folder`; undefined without it. @throws for an unknown option */
const readFolder = (argv: readonly string[]): FolderOptions | undefined => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  if (values.folder === undefined) return undefined;
  return {
    files: numberOf('folder', values.folder, 1),
    kills: numberOf('kill', values.kill ?? '20', 0),
    faults: numberOf('faults', values.faults ?? '0.1', 0, 0.9),
    seed: numberOf('seed', values.seed, 0),
    print: console.log,
  };
};

const sendFolder = async (folder: FolderOptions): Promise<number> => {
  const report = await runFolder(folder);
  if (report === undefined) {
    console.error('Without the Firestore emulator there is no ledger that outlives the courier.');
    return 2;
  }
  const { faults, ...figures } = report;
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(14)}${String(figure).padStart(8)}`);
  console.log(
    faults.length === 0
      ? '\nEvery file once, whole, and as the manifest says.'
      : `\nNOT AS IT MUST BE: ${faults.join('; ')}`,
  );
  return faults.length === 0 ? 0 : 1;
};

/** The options for `--sheet`; undefined without it. @throws for an unknown option */
const readSheet = (argv: readonly string[]): SheetOptions | undefined => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  if (!values.sheet) return undefined;
  const appends = numberOf('appends', values.appends, 1);
  return {
    appends,
    keys: Math.min(appends, numberOf('keys', values.keys ?? '50', 1)),
    processes: numberOf('processes', values.processes ?? '2', 1, 16),
    kills: numberOf('kill', values.kill ?? '5', 0),
    faults: numberOf('faults', values.faults ?? '0.2', 0, 0.9),
    seed: numberOf('seed', values.seed, 0),
    withMarks: !values['without-marks'],
    print: console.log,
  };
};

/** Without marks there must be doubles, or the check does not see them. */
const judgeWithoutMarks = (doubled: number): number => {
  console.log(
    doubled > 0
      ? '\nAs expected, rows are there more than once: this is what the marks are for.'
      : '\nNOT AS IT MUST BE: without marks, no row is there more than once. Try more faults or appends.',
  );
  return doubled > 0 ? 0 : 1;
};

const appendRows = async (sheet: SheetOptions): Promise<number> => {
  const report = await runSheet(sheet);
  if (report === undefined) {
    console.error('Without the Firestore emulator the processes cannot share a ledger.');
    return 2;
  }
  const { faults, ...figures } = report;
  for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(14)}${String(figure).padStart(8)}`);
  if (sheet.withMarks === false) return judgeWithoutMarks(report.doubled);
  console.log(
    faults.length === 0
      ? '\nEvery row once, in one piece, and where its receipt says.'
      : `\nNOT AS IT MUST BE: ${faults.slice(0, 20).join('; ')}`,
  );
  return faults.length === 0 ? 0 : 1;
};

interface Run {
  plan: Omit<ChaosPlan, 'firestoreHost'>;
  /** Whether the processes share a ledger. */
  isShared: boolean;
}

/** @throws for an unknown option */
const readRun = (argv: readonly string[]): Run => {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true });
  const { once, ledger } = values;
  if (ledger !== 'firestore' && ledger !== 'off') throw new Error(`--ledger ${ledger} is neither firestore nor off.`);
  const uploads = numberOf('uploads', values.uploads, 1);
  return {
    isShared: once && ledger === 'firestore',
    plan: {
      uploads,
      keys: Math.min(uploads, numberOf('keys', values.keys ?? (once ? '200' : String(uploads)), 1)),
      processes: numberOf('processes', values.processes ?? (once ? '2' : '1'), 1, 16),
      kills: numberOf('kill', values.kill ?? (once ? '20' : '0'), 0),
      faults: numberOf('faults', values.faults ?? (once ? '0' : '0.2'), 0, 0.9),
      seed: numberOf('seed', values.seed, 0),
      isMember: !values['non-member'],
      seconds: numberOf('seconds', values.seconds, 1),
    },
  };
};

const ROWS: readonly (keyof ChaosResult)[] = [
  ...(['delivered', 'refused', 'lost', 'doubled', 'corrupt', 'untrue', 'overtaken'] as const),
  ...(['contradicted', 'misjudged', 'orphaned'] as const),
  ...(['files', 'names', 'unclaimed', 'tries', 'injected', 'kills', 'seconds'] as const),
];

const print = (result: ChaosResult): void => {
  for (const name of ROWS) console.log(`${name.padEnd(14)}${String(Math.round(result[name])).padStart(8)}`);
};

const main = async ({ plan, isShared }: Run): Promise<number> => {
  const emulator = isShared ? await startFirestoreEmulator() : undefined;
  if (isShared && emulator === undefined) {
    console.error(
      'Without the Firestore emulator the processes cannot share a ledger; --ledger off shows what follows.',
    );
    return 2;
  }
  try {
    console.log(
      `${plan.uploads} uploads of ${plan.keys} deliveries, ${plan.processes} process(es), ${plan.kills} kills, faults ${plan.faults}, seed ${plan.seed}`,
    );
    const whole: ChaosPlan = { ...plan, firestoreHost: emulator?.host };
    const result = await runChaos(whole);
    print(result);
    const faults = faultsOf(result, whole);
    if (faults.length === 0) {
      console.log('\nEvery file once, whole, and as its receipts say.');
      return 0;
    }
    console.log(`\nNOT AS IT MUST BE: ${faults.join('; ')}`);
    if (!isShared && plan.processes + plan.kills > 1) {
      console.log('The processes shared no ledger and forgot their own when killed: this is what the ledger is for.');
    }
    return 1;
  } finally {
    await emulator?.stop();
  }
};

const chosen = (): (() => Promise<number>) => {
  const argv = process.argv.slice(2);
  try {
    const events = readEvents(argv);
    if (events !== undefined) return () => bringEvents(events);
    const folder = readFolder(argv);
    if (folder !== undefined) return () => sendFolder(folder);
    const sheet = readSheet(argv);
    if (sheet !== undefined) return () => appendRows(sheet);
    const run = readRun(argv);
    return () => main(run);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    // In sysexits.h, 64 is wrong usage.
    return async () => 64;
  }
};

process.exitCode = await chosen()();
