import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startInterceptingProxy } from '../../test/support/network/intercepting-proxy.ts';
import { findRclone } from '../../test/support/processes/programs.ts';
import { callerToken, courierService, type Running, run } from '../programs/contenders.ts';
import { median, type Report } from '../figures.ts';
import {
  CONCURRENCY,
  createFolder,
  measure,
  measurePeaks,
  type Peaks,
  type Sample,
  type Sent,
  sendFolder,
} from '../programs/folder-client.ts';
import { createAgent, runLoad } from '../load.ts';
import { type GoogleProcess, onCore } from '../programs/processes.ts';
import { rcloneEnvironment } from '../programs/rclone.ts';

const BYTES = 10 * 1024;

/** The service, and in one condition the local Google, too. */
const SERVER_CORE = 1;
const CLIENT_CORE = 0;

/** What differs between the comparisons. */
interface Condition {
  text: string;
  /** How long the local Google takes for an upload, in milliseconds. */
  driveMs: number;
  /** The client has a processor of its own, as on a machine of its own. */
  isAlone: boolean;
}

/** An assumption: a round trip over the internet, and Drive's own work. */
const DRIVE_MS = 25;

const SLOW_DRIVE: Condition = { text: `${DRIVE_MS} ms for an upload`, driveMs: DRIVE_MS, isAlone: false };
const OWN_CORE: Condition = { text: 'at once, client on its own core', driveMs: 0, isAlone: true };
const SHARED_CORES: Condition = { text: 'at once, on shared cores', driveMs: 0, isAlone: false };

interface Shape {
  rounds: number;
  files: number;
  /** With its defaults it creates ten files a second, after the first hundred. */
  rcloneFiles: number;
  /** Numbers of files in a folder, for the memory. */
  counts: readonly [few: number, more: number, many: number];
}

/** The same requests as the client's, from one loop that has all bytes in memory. */
const drive = async (service: Running, token: string, files: number, path: string): Promise<number> => {
  const bodies = Array.from({ length: files }, () => randomBytes(BYTES));
  const digests = bodies.map((body) => createHash('sha256').update(body).digest('base64'));
  const agent = createAgent(CONCURRENCY);
  const { seconds } = await runLoad({
    url: (turn) => `${service.url}/v1/files?name=file-${turn}.csv&path=${path}`,
    headers: (turn) => ({
      authorization: `Bearer ${token}`,
      'content-type': 'text/csv',
      'idempotency-key': `${path}-${turn}`,
      'content-digest': `sha-256=:${digests[turn]}:`,
    }),
    body: (turn) => bodies[turn] ?? Buffer.alloc(0),
    requests: files,
    concurrency: CONCURRENCY,
    agent,
  });
  agent.destroy();
  return seconds;
};

/** `rclone copy` with its defaults, through the proxy that leads it to the local Google. */
const runRclone = async (google: GoogleProcess, files: number): Promise<Sample | undefined> => {
  const program = findRclone();
  if (program === undefined) {
    console.warn('SKIPPED: no rclone here (Debian: rclone), so it is not compared.');
    return undefined;
  }
  const proxy = await startInterceptingProxy(google.origin);
  const folder = createFolder(files, BYTES);
  try {
    return await measure(['copy', folder, 'reports:rclone', '--config='], {
      command: program.command,
      env: rcloneEnvironment(google, proxy),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await proxy.close();
  }
};

interface Round {
  load: number;
  client: Sent;
}

/** Both, one after the other, each against its own process, because the number of concurrent creations is limited. */
const runRound = async (
  google: GoogleProcess,
  { token, folder, files, round, tag }: { token: string; folder: string; files: number; round: number; tag: string },
): Promise<Round> => {
  const service = await run(courierService(google), { core: SERVER_CORE });
  const state = mkdtempSync(join(tmpdir(), 'bench-manifest-'));
  const load = () => drive(service, token, files, `load-${tag}`);
  const client = () =>
    sendFolder(google, { url: service.url, folder, files, manifest: join(state, 'm.jsonl'), path: `client-${tag}` });
  try {
    await drive(service, token, files, `warm-up-${tag}`);
    // The second one finds a warmer process.
    if (round % 2 === 0) return { load: await load(), client: await client() };
    const first = await client();
    return { client: first, load: await load() };
  } finally {
    await service.stop();
    rmSync(state, { recursive: true, force: true });
  }
};

interface Comparison {
  load: number;
  sending: number;
  whole: number;
  cpuMs: number;
  /** Of the times, and with the start and end of the client's process. */
  ratio: number;
  wholeRatio: number;
}

/** What both take: medians of all rounds, and of each round's ratio. */
const compare = async (
  google: GoogleProcess,
  { rounds, files }: Pick<Shape, 'rounds' | 'files'>,
  { driveMs, isAlone }: Condition,
): Promise<Comparison> => {
  const token = await callerToken(google);
  const folder = createFolder(files, BYTES);
  const results: Round[] = [];
  const runRounds = async (): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const tag = `${driveMs}-${isAlone}-${round}`;
      results.push(await runRound(google, { token, folder, files, round, tag }));
    }
  };
  await google.delayUploads(driveMs);
  try {
    // The load generator is this process, and the client is started by it.
    await (isAlone
      ? onCore([process.pid], CLIENT_CORE, () => onCore([google.process.pid], SERVER_CORE, runRounds))
      : runRounds());
  } finally {
    await google.delayUploads(0);
    rmSync(folder, { recursive: true, force: true });
  }
  const of = (figure: (round: Round) => number): number => median(results.map(figure));
  return {
    load: of(({ load }) => load),
    sending: of(({ client }) => client.sendingSeconds),
    whole: of(({ client }) => client.seconds),
    cpuMs: (of(({ client }) => client.cpuSeconds) / files) * 1000,
    ratio: of(({ client, load }) => client.sendingSeconds / load),
    wholeRatio: of(({ client, load }) => client.seconds / load),
  };
};

const peakText = ({ files, sending, again }: Peaks): string =>
  `${sending.toFixed(0)} MiB for ${files.toLocaleString('en')} files, and ${again.toFixed(0)} MiB when they are found in the manifest`;

/** A folder of small files: the client's command beside a load generator with the same requests, and rclone. */
export const benchFolder = async (google: GoogleProcess, shape: Shape): Promise<Report> => {
  const { rounds, files, rcloneFiles, counts } = shape;
  const slowDrive = await compare(google, shape, SLOW_DRIVE);
  const ownCore = await compare(google, shape, OWN_CORE);
  const sharedCores = await compare(google, shape, SHARED_CORES);
  const rclone = await runRclone(google, rcloneFiles);
  const peaks = await measurePeaks(google, counts);
  const [few, more, many] = counts.map((count) => count.toLocaleString('en'));
  const [least, middle, most] = peaks;
  const growth = (from: Peaks | undefined, of: (peaks: Peaks) => number): number =>
    from === undefined || most === undefined ? Number.NaN : of(most) / of(from);
  const speeds = ({ text }: Condition, { load, sending, cpuMs }: Comparison): Report['rows'] => [
    [`load generator, ${text}`, files / load, 'not measured'],
    [`courier send, ${text}`, files / sending, cpuMs],
  ];
  const over = ({ text }: Condition): string => `courier send: time over the load generator, ${text}`;
  return {
    title: 'A folder of small files',
    how: `\`courier send\` with a manifest sends ${files.toLocaleString('en')} files of 10 KiB, ${CONCURRENCY} at a time; beside it a load generator sends the same requests from memory, also ${CONCURRENCY} at a time, to the same service. Both in turn: the medians of ${rounds} rounds, and of their ratios. The local Google takes ${DRIVE_MS} ms for an upload, or answers at once. In the second case the processor is the limit, so it is measured twice: with a core for the client or load generator and another for the service and the local Google, as if the client had a machine of its own; and with both cores shared by all of them, where the ratio is that of the CPU time of all, and rises when the service needs less. The time of \`courier send\` is from the first look at the folder to the last receipt; the start and the end of its process take ${(slowDrive.whole - slowDrive.sending).toFixed(1)} s more. rclone runs \`rclone copy\` of ${rcloneFiles} files with its defaults, directly to Drive. With these it creates ten files a second after the first hundred. The peak of the client's memory is ${peaks.map(peakText).join('; ')}.`,
    columns: ['', 'files per second', 'CPU ms per file'],
    rows: [
      ...speeds(SLOW_DRIVE, slowDrive),
      ...speeds(OWN_CORE, ownCore),
      ...speeds(SHARED_CORES, sharedCores),
      ...(rclone === undefined
        ? []
        : [['rclone copy, at once', rcloneFiles / rclone.seconds, (rclone.cpuSeconds / rcloneFiles) * 1000]]),
    ],
    bounds: [
      { what: over(SLOW_DRIVE), value: slowDrive.ratio, limit: 1.3, quick: 1.6 },
      { what: over(OWN_CORE), value: ownCore.ratio, limit: 1.3, quick: 2.5 },
      {
        what: `with the start of its process, ${OWN_CORE.text}`,
        value: ownCore.wholeRatio,
        limit: 1.6,
        quick: 'unjudged',
      },
      { what: over(SHARED_CORES), value: sharedCores.ratio, limit: 1.3, quick: 2.5 },
      {
        what: `with the start of its process, ${SHARED_CORES.text}`,
        value: sharedCores.wholeRatio,
        limit: 1.6,
        quick: 'unjudged',
      },
      {
        what: `peak memory of ${many} files over ${few} files`,
        value: growth(least, ({ sending }) => sending),
        limit: 1.75,
        aim: 1.3,
      },
      {
        what: `peak memory of ${many} files over ${more} files`,
        value: growth(middle, ({ sending }) => sending),
        limit: 1.3,
      },
      {
        what: 'the same, when they are found in the manifest',
        value: growth(middle, ({ again }) => again),
        limit: 1.3,
      },
      {
        what: `${many} files found in the manifest over ${few} files`,
        value: growth(least, ({ again }) => again),
        limit: 1.75,
        aim: 1.3,
      },
    ],
  };
};
