import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startInterceptingProxy } from '../test/support/intercepting-proxy.ts';
import { findRclone } from '../test/support/programs.ts';
import { AUDIENCE, callerToken, courierService, type Running, run } from './contenders.ts';
import { median, type Report } from './figures.ts';
import { createAgent, runLoad } from './load.ts';
import { type GoogleProcess, launch, pathOf } from './processes.ts';
import { startReceiver } from './receiver.ts';

const BYTES = 10 * 1024;
const CONCURRENCY = 8;
const CLIENT = pathOf('../dist/client/courier.cjs');

interface Shape {
  rounds: number;
  files: number;
  /** With its defaults it creates ten files a second, after the first hundred. */
  rcloneFiles: number;
  /** Numbers of files in a folder, for the memory. */
  counts: readonly [few: number, many: number];
}

interface Sample {
  seconds: number;
  cpuSeconds: number;
}

const createFolder = (files: number, bytes = BYTES): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-folder-'));
  for (let serial = 0; serial < files; serial++) {
    writeFileSync(join(folder, `file-${serial}.csv`), randomBytes(bytes));
  }
  return folder;
};

/** Runs a program to its end. Its CPU is read from time to time, since a process that has ended has none. */
const measure = async (program: readonly string[], options: Parameters<typeof launch>[1]) => {
  const startedMs = performance.now();
  const started = launch(program, options);
  const ended = once(started.child, 'close') as Promise<[code: number]>;
  let [cpuSeconds, peakBytes] = [0, 0];
  const read = (): void => {
    try {
      // A process that is ending has less of both.
      [cpuSeconds, peakBytes] = [Math.max(cpuSeconds, started.cpuSeconds()), Math.max(peakBytes, started.peakBytes())];
    } catch {
      // It has just ended.
    }
  };
  const timer = setInterval(read, 10);
  let output = '';
  started.child.stdout?.on('data', (part: Buffer) => {
    output += part.toString();
  });
  const [code] = await ended;
  clearInterval(timer);
  if (code !== 0) throw new Error(`${program.join(' ')} ended with ${code}: ${output.slice(-500)}`);
  return { seconds: (performance.now() - startedMs) / 1000, cpuSeconds, peakBytes };
};

const clientEnv = (google: GoogleProcess, url: string): Record<string, string> => ({
  COURIER_URL: url,
  COURIER_AUDIENCE: AUDIENCE,
  COURIER_GOOGLE_ORIGIN: google.origin,
  GOOGLE_APPLICATION_CREDENTIALS: google.keyFiles.exporter ?? '',
  NO_GCE_CHECK: 'true',
});

const sendFolder = (google: GoogleProcess, url: string, folder: string, ...options: string[]) =>
  measure([CLIENT, 'send', `${folder}/`, `--concurrency=${CONCURRENCY}`, ...options], { env: clientEnv(google, url) });

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
    console.warn('SKIPPED: no rclone here (Debian: rclone), so nobody is measured against it.');
    return undefined;
  }
  const proxy = await startInterceptingProxy(google.origin);
  const folder = createFolder(files);
  try {
    return await measure(['copy', folder, 'reports:rclone', '--config='], {
      command: program.command,
      env: {
        HTTPS_PROXY: proxy.url,
        RCLONE_CA_CERT: proxy.authority,
        RCLONE_CONFIG_REPORTS_TYPE: 'drive',
        RCLONE_CONFIG_REPORTS_SCOPE: 'drive',
        RCLONE_CONFIG_REPORTS_TEAM_DRIVE: google.places.sharedDrive,
        RCLONE_CONFIG_REPORTS_SERVICE_ACCOUNT_FILE: google.keyFiles.courier ?? '',
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await proxy.close();
  }
};

/** Peak memory of the client for folders of different sizes, with a receiver that answers at once. */
const measurePeaks = async (google: GoogleProcess, counts: Shape['counts']): Promise<number[]> => {
  const receiver = await startReceiver();
  const peaks: number[] = [];
  try {
    for (const count of counts) {
      const folder = createFolder(count, 100);
      const state = mkdtempSync(join(tmpdir(), 'bench-manifest-'));
      const { peakBytes } = await sendFolder(
        google,
        receiver.url,
        folder,
        `--manifest=${join(state, 'manifest.jsonl')}`,
      );
      peaks.push(peakBytes / 1_048_576);
      for (const each of [folder, state]) rmSync(each, { recursive: true, force: true });
    }
    return peaks;
  } finally {
    await receiver.close();
  }
};

/** A folder of small files: the client's command beside a load generator with the same requests, and rclone. */
export const benchFolder = async (google: GoogleProcess, shape: Shape): Promise<Report> => {
  const { rounds, files, rcloneFiles, counts } = shape;
  const token = await callerToken(google);
  const folder = createFolder(files);
  const single = createFolder(1);
  const client: Sample[] = [];
  const starts: number[] = [];
  const load: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      // A new process each time: what it may create at once is limited.
      const service = await run(courierService(google), { core: 1 });
      try {
        await drive(service, token, files, `warm-up-${round}`);
        load.push(await drive(service, token, files, `load-${round}`));
        starts.push((await sendFolder(google, service.url, single, `--path=single-${round}`)).seconds);
        client.push(await sendFolder(google, service.url, folder, `--path=client-${round}`));
      } finally {
        await service.stop();
      }
    }
  } finally {
    for (const each of [folder, single]) rmSync(each, { recursive: true, force: true });
  }
  const rclone = await runRclone(google, rcloneFiles);
  const [few = Number.NaN, many = Number.NaN] = await measurePeaks(google, counts);
  const clientSeconds = median(client.map(({ seconds }) => seconds));
  const startSeconds = median(starts);
  const row = (name: string, seconds: number, count: number, cpu: number | string) => [name, count / seconds, cpu];
  const clientCpu = (median(client.map(({ cpuSeconds }) => cpuSeconds)) / files) * 1000;
  const [fewName, manyName] = counts.map((each) => each.toLocaleString('en'));
  return {
    title: 'A folder of small files',
    how: `\`courier send\` with ${files.toLocaleString('en')} files of 10 KiB, ${CONCURRENCY} at a time, from the start of the process to its end, ${(startSeconds * 1000).toFixed(0)} ms of which are the start and one file; beside it a load generator that sends the same requests from memory to the same service; the median of ${rounds} rounds. rclone runs \`rclone copy\` of ${rcloneFiles} files with its defaults, directly to Drive. With these it creates ten files a second after the first hundred. Memory is the peak of the client with a manifest: ${few.toFixed(0)} MiB for ${fewName} files, and ${many.toFixed(0)} MiB for ${manyName}.`,
    columns: ['', 'files per second', 'CPU ms per file'],
    rows: [
      row('load generator', median(load), files, 'not measured'),
      row('courier send', clientSeconds, files, clientCpu),
      ...(rclone === undefined
        ? []
        : [row('rclone copy', rclone.seconds, rcloneFiles, (rclone.cpuSeconds / rcloneFiles) * 1000)]),
    ],
    bounds: [
      {
        what: 'courier send: time over the load generator',
        value: clientSeconds / median(load),
        floor: 1.3,
        quick: 2.5,
      },
      { what: `peak memory of ${manyName} over ${fewName} files`, value: many / few, floor: 1.3, quick: 1.5 },
    ],
  };
};
