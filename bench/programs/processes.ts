import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that is measured from outside. */
export interface Measured {
  pid: number;
  child: ChildProcess;
  /** The CPU time it has used in user and system mode, in seconds. */
  cpuSeconds(): number;
  /** The current and peak resident memory in bytes. */
  residentBytes(): number;
  peakBytes(): number;
  stop(): Promise<void>;
}

/** The absolute path of a file of the project. */
export const pathOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const statusOf = (pid: number, member: string): number => {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${member}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
};

/** Starts a program with Node, or with `command`, in its own environment. `core` pins it to one processor. */
export const launch = (
  program: readonly string[],
  {
    env,
    core,
    node = [],
    command: starter = process.execPath,
  }: { env: Readonly<Record<string, string>>; core?: number; node?: readonly string[]; command?: string },
): Measured => {
  const { PATH = '' } = process.env;
  const line = [...(core === undefined ? [] : ['taskset', '-c', String(core)]), starter, ...node, ...program];
  const [command = '', ...args] = line;
  const child = spawn(command, args, {
    env: { PATH, HOME: '/nonexistent', CLOUDSDK_CONFIG: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} cannot be started`);
  child.stderr?.pipe(process.stderr);
  return {
    pid,
    child,
    // proc(5), /proc/pid/schedstat: nanoseconds on a processor, of each thread.
    cpuSeconds: () =>
      readdirSync(`/proc/${pid}/task`)
        .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
        .reduce((sum, nanoseconds) => sum + nanoseconds / 1e9, 0),
    residentBytes: () => statusOf(pid, 'VmRSS'),
    peakBytes: () => statusOf(pid, 'VmHWM'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 12_000);
      await ended;
      clearTimeout(timer);
    },
  };
};

/**
 * Runs work while processes, with all their threads and those that they start, are on one processor.
 * @param pids processes that run; this one is `process.pid`
 */
export const onCore = async <Result>(
  pids: readonly number[],
  core: number,
  work: () => Promise<Result>,
): Promise<Result> => {
  const pin = (pid: number, cores: string): unknown =>
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' });
  const before = pids.map(
    (pid) => /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
  );
  for (const pid of pids) pin(pid, String(core));
  try {
    return await work();
  } finally {
    for (const [index, pid] of pids.entries()) pin(pid, before[index] ?? '0');
  }
};

/** The first line of a process's output for which `read` returns a value. */
export const firstLine = <Found>({ child }: Measured, read: (line: string) => Found | undefined): Promise<Found> =>
  new Promise((resolve, reject) => {
    const { stdout } = child;
    if (stdout === null) throw new Error('no output');
    const lines = createInterface({ input: stdout });
    lines.on('line', (line) => {
      const found = read(line);
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready`)));
  });

const NO_QUOTA = 1_000_000_000;

/** The addresses that the local Google prints when it is ready. */
interface Announcement {
  origin: string;
  metadataHost: string;
  secret: string;
  keyFiles: Record<string, string>;
  places: { sharedDrive: string };
}

export interface GoogleProcess extends Announcement {
  process: Measured;
  /** `POST /_admin/VERB`. */
  admin<Answer>(verb: string, body: object): Promise<Answer>;
  /** Delays every upload by this many milliseconds, until it is called with 0. Removes all other faults. */
  delayUploads(ms: number): Promise<void>;
  /** The calls it has received since the last `clearCalls`. */
  calls(): Promise<{ method: string; host: string; path: string; query: string; status: number }[]>;
  clearCalls(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The local Google in a separate process, with quotas that no contender reaches. Google's real quotas would stop those
 * that ignore them, and the benchmark measures the cost of a file.
 */
export const startGoogle = async ({ core }: { core?: number } = {}): Promise<GoogleProcess> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'bench-google-'));
  const started = launch([pathOf('local/google/main.ts'), '--port', '0', '--data', dataDir], {
    env: {},
    ...(core === undefined ? {} : { core }),
  });
  const announcement = await firstLine(started, (line) =>
    line.startsWith('{') ? (JSON.parse(line) as Announcement) : undefined,
  );
  const { origin } = announcement;
  const admin = async (verb: string, body: object): Promise<never> => {
    const response = await fetch(`${origin}/_admin/${verb}`, { method: 'POST', body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${verb}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as never;
  };
  await admin('setLimits', { unitsPerMinutePerUser: NO_QUOTA, unitsPerMinutePerProject: NO_QUOTA });
  return {
    ...announcement,
    process: started,
    admin,
    async delayUploads(ms) {
      const removed = await fetch(`${origin}/_faults`, { method: 'DELETE' });
      if (!removed.ok) throw new Error(`faults cannot be removed: ${removed.status}`);
      if (ms === 0) return;
      const rule = { path: '/upload/*', fault: { kind: 'delay', ms } };
      const { status } = await fetch(`${origin}/_faults`, { method: 'POST', body: JSON.stringify(rule) });
      if (status >= 300) throw new Error(`uploads cannot be delayed: ${status}`);
    },
    async calls() {
      const { calls } = (await (await fetch(`${origin}/_calls`)).json()) as { calls: never };
      return calls;
    },
    async clearCalls() {
      await fetch(`${origin}/_calls`, { method: 'DELETE' });
    },
    async stop() {
      await started.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};
