import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchCalls } from './parts/calls.ts';
import { isReached, loosened, type Report, reportText } from './figures.ts';
import { benchFolder } from './parts/folder.ts';
import { benchGrowth } from './parts/growth.ts';
import { headlineTable } from './headlines.ts';
import { benchIdentity } from './parts/identity.ts';
import { benchLarge } from './parts/large.ts';
import { type GoogleProcess, pathOf, startGoogle } from './programs/processes.ts';
import { benchQuery } from './parts/query.ts';
import { benchSheet } from './parts/sheet.ts';
import { benchSize } from './parts/size.ts';
import { benchSmall } from './parts/small.ts';
import { benchStart } from './parts/start.ts';

/**
 * `npm run bench` prints tables with ratios. Options: `--json FILE`, `--quick`, `--only start,small`, and `--readme`, which
 * writes the tables to docs/benchmarks.md and four ratios to README.md.
 */

/** The sections of the pages that `--readme` replaces. */
const TABLES = { file: 'docs/benchmarks.md', mark: 'bench' };
const RATIOS = { file: 'README.md', mark: 'headlines' };

type Bench = (google: GoogleProcess) => Promise<Report>;

/** A quick run finds gross regressions in CI: counts have the same bounds, times and memory have looser ones. */
const benches = (quick: boolean): Readonly<Record<string, Bench>> => ({
  size: benchSize,
  start: (google) => benchStart(google, { rounds: quick ? 3 : 11 }),
  small: (google) =>
    benchSmall(
      google,
      quick ? { rounds: 2, requests: 300, warmUp: 300 } : { rounds: 5, requests: 6_000, warmUp: 3_000 },
    ),
  folder: (google) =>
    benchFolder(
      google,
      quick
        ? { rounds: 1, files: 300, rcloneFiles: 120, counts: [100, 1_000, 2_000] }
        : { rounds: 5, files: 1_000, rcloneFiles: 200, counts: [100, 2_000, 20_000] },
    ),
  identity: () => benchIdentity(quick ? 3 : 7),
  calls: (google) => benchCalls(google, { quick }),
  growth: (google) =>
    benchGrowth(
      google,
      quick
        ? { counts: [1, 100, 200], passes: 1, warmUp: 500 }
        : { counts: [1, 10, 100, 1_000], passes: 5, warmUp: 3_000 },
    ),
  large: (google) =>
    benchLarge(
      google,
      quick
        ? { rounds: 1, mebibytes: { throughput: 256, less: 64, more: 256 }, uploads: 16 }
        : { rounds: 3, mebibytes: { throughput: 1024, less: 512, more: 5120 }, uploads: 64 },
    ),
  sheet: (google) =>
    benchSheet(
      google,
      quick
        ? { appendsEach: 10, alone: { atOnce: 10, paced: 0 }, rows: 10_000, mebibytes: { less: 8, more: 32 } }
        : { appendsEach: 100, alone: { atOnce: 28, paced: 87 }, rows: 50_000, mebibytes: { less: 100, more: 200 } },
    ),
  query: (google) =>
    benchQuery(
      google,
      quick
        ? { rows: { less: 100_000, more: 300_000 }, compared: 300_000 }
        : { rows: { less: 300_000, more: 3_000_000 }, compared: 300_000 },
    ),
});

const machine = (): string => {
  const [processor] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${processor?.model.trim() ?? 'unknown processor'}, ${memory} GiB, Node ${process.versions.node}`;
};

const writeMarked = ({ file, mark }: typeof TABLES, text: string): void => {
  const start = `<!-- ${mark}: made by "npm run bench -- --readme", do not edit -->`;
  const path = pathOf(file);
  const page = readFileSync(path, 'utf8');
  const [from, to] = [page.indexOf(start), page.indexOf(`<!-- /${mark} -->`)];
  if (from === -1 || to === -1) throw new Error(`${file} lacks ${start} … <!-- /${mark} -->`);
  writeFileSync(path, `${page.slice(0, from)}${start}\n${text}\n${page.slice(to)}`);
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      readme: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  });
  if (!existsSync(pathOf('dist/server.js'))) throw new Error('dist/ is missing. Run "npm run build" first.');
  if (values.readme && (values.quick || values.only !== undefined))
    throw new Error('--readme needs a full run: leave out --quick and --only.');
  const all = benches(values.quick);
  const names = values.only?.split(',') ?? Object.keys(all);
  const reports: Report[] = [];
  console.log(
    `Measured on ${machine()}.${values.quick ? ' Quick run: the bounds for times and memory are looser than in a full run.' : ''}\n`,
  );
  for (const name of names) {
    const bench = all[name];
    if (bench === undefined)
      throw new Error(`Unknown benchmark "${name}". Choose from: ${Object.keys(all).join(', ')}.`);
    // Each benchmark has its own local Google, so that none finds the files of another.
    const google = await startGoogle();
    try {
      const measured = await bench(google);
      const report = values.quick ? loosened(measured) : measured;
      reports.push(report);
      console.log(reportText(report));
    } finally {
      await google.stop();
    }
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine: machine(), reports }, undefined, 2)}\n`);
  }
  if (values.readme) {
    writeMarked(RATIOS, headlineTable(reports));
    writeMarked(TABLES, [`Measured on ${machine()}.`, '', ...reports.map(reportText)].join('\n'));
  }
  const missed = reports.flatMap(({ bounds }) => bounds).filter((bound) => !isReached(bound));
  console.log(missed.length === 0 ? 'All bounds were kept.' : `${missed.length} bound(s) missed.`);
  return missed.length === 0 ? 0 : 1;
};

process.exitCode = await main();
