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

/** Both, one after the other, each against its own process, because the number of concurrent creations is limited. */
const runRound = async (
  google: GoogleProcess,
  { token, folder, files, round }: { token: string; folder: string; files: number; round: number },
): Promise<{ load: number; client: Sent }> => {
  const service = await run(courierService(google), { core: 1 });
  const state = mkdtempSync(join(tmpdir(), 'bench-manifest-'));
  const load = () => drive(service, token, files, `load-${round}`);
  const client = () =>
    sendFolder(google, { url: service.url, folder, files, manifest: join(state, 'm.jsonl'), path: `client-${round}` });
  try {
    await drive(service, token, files, `warm-up-${round}`);
    // The second one finds a warmer process.
    if (round % 2 === 0) return { load: await load(), client: await client() };
    const first = await client();
    return { client: first, load: await load() };
  } finally {
    await service.stop();
    rmSync(state, { recursive: true, force: true });
  }
};

const peakText = ({ files, sending, again }: Peaks): string =>
  `${sending.toFixed(0)} MiB for ${files.toLocaleString('en')} files, and ${again.toFixed(0)} MiB when they are found in the manifest`;

/** A folder of small files: the client's command beside a load generator with the same requests, and rclone. */
export const benchFolder = async (google: GoogleProcess, shape: Shape): Promise<Report> => {
  const { rounds, files, rcloneFiles, counts } = shape;
  const token = await callerToken(google);
  const folder = createFolder(files, BYTES);
  const results: Awaited<ReturnType<typeof runRound>>[] = [];
  try {
    for (let round = 0; round < rounds; round++) results.push(await runRound(google, { token, folder, files, round }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const rclone = await runRclone(google, rcloneFiles);
  const peaks = await measurePeaks(google, counts);
  const of = (figure: (client: Sent) => number): number => median(results.map(({ client }) => figure(client)));
  const load = median(results.map((result) => result.load));
  const sending = of(({ sendingSeconds }) => sendingSeconds);
  const whole = of(({ seconds }) => seconds);
  const clientCpu = (of(({ cpuSeconds }) => cpuSeconds) / files) * 1000;
  const [few, many] = counts.map((count) => count.toLocaleString('en'));
  const growth = (of: (peaks: Peaks) => number): number => {
    const [less, more] = peaks.map(of);
    return (more ?? Number.NaN) / (less ?? Number.NaN);
  };
  return {
    title: 'A folder of small files',
    how: `\`courier send\` with a manifest sends ${files.toLocaleString('en')} files of 10 KiB, ${CONCURRENCY} at a time; beside it a load generator sends the same requests from memory, also ${CONCURRENCY} at a time, to the same service. Both in turn, the median of ${rounds} rounds. The time of \`courier send\` is from the first look at the folder to the last receipt; the start and the end of its process take ${(whole - sending).toFixed(1)} s more. rclone runs \`rclone copy\` of ${rcloneFiles} files with its defaults, directly to Drive. With these it creates ten files a second after the first hundred. The peak of the client's memory is ${peaks.map(peakText).join('; ')}.`,
    columns: ['', 'files per second', 'CPU ms per file'],
    rows: [
      ['load generator', files / load, 'not measured'],
      ['courier send', files / sending, clientCpu],
      ...(rclone === undefined
        ? []
        : [['rclone copy', rcloneFiles / rclone.seconds, (rclone.cpuSeconds / rcloneFiles) * 1000]]),
    ],
    bounds: [
      { what: 'courier send: time over the load generator', value: sending / load, floor: 1.3, quick: 2.5 },
      { what: 'with the start of its process', value: whole / load, floor: 1.6, quick: 'unjudged' },
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
