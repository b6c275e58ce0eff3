import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AUDIENCE } from './contenders.ts';
import { type GoogleProcess, launch, pathOf } from './processes.ts';
import { startReceiver } from './receiver.ts';

/** `courier send FOLDER/` as a process, and what it takes. */

/** Files that are sent at the same time. */
export const CONCURRENCY = 8;
const CLIENT = pathOf('dist/client/courier.cjs');

export interface Sample {
  /** From the start of the process to its end. */
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
}

export const createFolder = (files: number, bytes: number): string => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-folder-'));
  for (let serial = 0; serial < files; serial++) {
    writeFileSync(join(folder, `file-${serial}.csv`), randomBytes(bytes));
  }
  return folder;
};

/** Runs a program to its end. Its CPU is read from time to time, since a process that has ended has none. */
export const measure = async (
  program: readonly string[],
  options: Parameters<typeof launch>[1],
): Promise<Sample & { output: string }> => {
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
  return { seconds: (performance.now() - startedMs) / 1000, cpuSeconds, peakBytes, output };
};

const clientEnv = (google: GoogleProcess, url: string): Record<string, string> => ({
  COURIER_URL: url,
  COURIER_AUDIENCE: AUDIENCE,
  COURIER_GOOGLE_ORIGIN: google.origin,
  GOOGLE_APPLICATION_CREDENTIALS: google.keyFiles.exporter ?? '',
  NO_GCE_CHECK: 'true',
});

/** What the command measures itself, from the first look at the folder to the last receipt. */
export interface Sent extends Sample {
  sendingSeconds: number;
  unchanged: number;
}

/** @throws if the command does not report every file as delivered */
export const sendFolder = async (
  google: GoogleProcess,
  {
    url,
    folder,
    files,
    manifest,
    path = '',
  }: { url: string; folder: string; files: number; manifest: string; path?: string },
): Promise<Sent> => {
  const args = [`${folder}/`, '--json', `--concurrency=${CONCURRENCY}`, `--manifest=${manifest}`, `--path=${path}`];
  const { output, ...sample } = await measure([CLIENT, 'send', ...args], { env: clientEnv(google, url) });
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const { summary } = JSON.parse(last) as { summary: { delivered: number; unchanged: number; seconds: number } };
  const { delivered, unchanged, seconds } = summary;
  if (delivered + unchanged !== files) throw new Error(`Not ${files} files: ${last}`);
  return { ...sample, sendingSeconds: seconds, unchanged };
};

export interface Peaks {
  files: number;
  /** MiB, of the run that sends them. */
  sending: number;
  /** MiB, of a run that finds all of them in the manifest. */
  again: number;
}

/**
 * Peak memory of the client for folders of different sizes, with a receiver that answers at once. The files are long enough that
 * bytes which stay in memory would show.
 */
export const measurePeaks = async (google: GoogleProcess, counts: readonly number[]): Promise<Peaks[]> => {
  const receiver = await startReceiver();
  const peaks: Peaks[] = [];
  try {
    for (const files of counts) {
      const folder = createFolder(files, 10_240);
      const state = mkdtempSync(join(tmpdir(), 'bench-manifest-'));
      const run = { url: receiver.url, folder, files, manifest: join(state, 'manifest.jsonl') };
      const [first, second] = [await sendFolder(google, run), await sendFolder(google, run)];
      peaks.push({ files, sending: first.peakBytes / 1_048_576, again: second.peakBytes / 1_048_576 });
      for (const each of [folder, state]) rmSync(each, { recursive: true, force: true });
    }
    return peaks;
  } finally {
    await receiver.close();
  }
};
