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
import type { GoogleProcess } from '../programs/processes.ts';
import { rcloneEnvironment } from '../programs/rclone.ts';

const BYTES = 10 * 1024;

/** How long the local Google takes for an upload, in milliseconds. An assumption: a round trip over the internet, and Drive's own work. */
const DRIVE_MS = 25;

interface Shape {
  rounds: number;
  files: number;
  /** With its defaults it creates ten files a second, after the first hundred. */
  rcloneFiles: number;
  /** Numbers of files in a folder, for the memory. */
  counts: readonly [few: number, many: number];
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
  const service = await run(courierService(google), { core: 1 });
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

/** What both take while Drive needs this many milliseconds for an upload: medians of all rounds. */
const compare = async (
  google: GoogleProcess,
  { rounds, files }: Pick<Shape, 'rounds' | 'files'>,
  driveMs: number,
): Promise<{ load: number; sending: number; whole: number; cpuMs: number }> => {
  const token = await callerToken(google);
  const folder = createFolder(files, BYTES);
  const results: Round[] = [];
  await google.delayUploads(driveMs);
  try {
    for (let round = 0; round < rounds; round++) {
      results.push(await runRound(google, { token, folder, files, round, tag: `${driveMs}-${round}` }));
    }
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
  };
};

const peakText = ({ files, sending, again }: Peaks): string =>
  `${sending.toFixed(0)} MiB for ${files.toLocaleString('en')} files, and ${again.toFixed(0)} MiB when they are found in the manifest`;

/** A folder of small files: the client's command beside a load generator with the same requests, and rclone. */
export const benchFolder = async (google: GoogleProcess, shape: Shape): Promise<Report> => {
  const { rounds, files, rcloneFiles, counts } = shape;
  const usual = await compare(google, shape, DRIVE_MS);
  const atOnce = await compare(google, shape, 0);
  const rclone = await runRclone(google, rcloneFiles);
  const peaks = await measurePeaks(google, counts);
  const [few, many] = counts.map((count) => count.toLocaleString('en'));
  const growth = (of: (peaks: Peaks) => number): number => {
    const [less, more] = peaks.map(of);
    return (more ?? Number.NaN) / (less ?? Number.NaN);
  };
  const speeds = (condition: string, { load, sending, cpuMs }: typeof usual): Report['rows'] => [
    [`load generator, ${condition}`, files / load, 'not measured'],
    [`courier send, ${condition}`, files / sending, cpuMs],
  ];
  return {
    title: 'A folder of small files',
    how: `\`courier send\` with a manifest sends ${files.toLocaleString('en')} files of 10 KiB, ${CONCURRENCY} at a time; beside it a load generator sends the same requests from memory, also ${CONCURRENCY} at a time, to the same service. Both in turn, the median of ${rounds} rounds. The local Google takes ${DRIVE_MS} ms for an upload, or answers at once. In the second case the two cores of the machine are the limit, which the client, the service and the local Google share: the ratio is that of the CPU time of all of them, and rises when the service needs less. The time of \`courier send\` is from the first look at the folder to the last receipt; the start and the end of its process take ${(usual.whole - usual.sending).toFixed(1)} s more. rclone runs \`rclone copy\` of ${rcloneFiles} files with its defaults, directly to Drive. With these it creates ten files a second after the first hundred. The peak of the client's memory is ${peaks.map(peakText).join('; ')}.`,
    columns: ['', 'files per second', 'CPU ms per file'],
    rows: [
      ...speeds(`${DRIVE_MS} ms for an upload`, usual),
      ...speeds('at once', atOnce),
      ...(rclone === undefined
        ? []
        : [['rclone copy, at once', rcloneFiles / rclone.seconds, (rclone.cpuSeconds / rcloneFiles) * 1000]]),
    ],
    bounds: [
      {
        what: `courier send: time over the load generator, ${DRIVE_MS} ms for an upload`,
        value: usual.sending / usual.load,
        floor: 1.3,
        quick: 1.6,
      },
      {
        what: 'courier send: time over the load generator, at once',
        value: atOnce.sending / atOnce.load,
        floor: 1.3,
        quick: 2.5,
      },
      {
        what: 'with the start of its process, at once',
        value: atOnce.whole / atOnce.load,
        floor: 1.6,
        quick: 'unjudged',
      },
      {
        what: `peak memory of ${many} files over ${few} files`,
        value: growth(({ sending }) => sending),
        floor: 1.75,
        aim: 1.3,
      },
      {
        what: 'the same, when they are found in the manifest',
        value: growth(({ again }) => again),
        floor: 1.75,
        aim: 1.3,
      },
    ],
  };
};
