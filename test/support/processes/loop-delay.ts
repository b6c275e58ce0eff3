import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** The longest time for which an event loop was blocked, in milliseconds. */
export interface LoopDelay {
  /** By the clock: other processes on a busy machine count as well. */
  delayMs: number;
  /**
   * The thread's own processor time between two turns of its loop. Tests assert this value, since other processes do
   * not count.
   */
  busyMs: number;
}

const TICK_MS = 5;

/**
 * Monitors the event loop of this process. A timer fires every 5 ms. Between two calls the loop has made at most one
 * extra turn, so the thread's processor time in between is that of the longest turn plus one tick.
 * @param onMax called with each new maximum
 */
export const watchLoop = (
  onMax: (delay: LoopDelay) => void = () => undefined,
): { read(): LoopDelay; reset(): void; stop(): LoopDelay } => {
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let max: LoopDelay = { delayMs: 0, busyMs: 0 };
  let lastMs = performance.now();
  let lastCpuMs = cpuMs();
  const look = (): void => {
    const nowMs = performance.now();
    const nowCpuMs = cpuMs();
    const seen = { delayMs: Math.max(0, nowMs - lastMs - TICK_MS), busyMs: nowCpuMs - lastCpuMs };
    lastMs = nowMs;
    lastCpuMs = nowCpuMs;
    if (seen.delayMs <= max.delayMs && seen.busyMs <= max.busyMs) return;
    max = { delayMs: Math.max(max.delayMs, seen.delayMs), busyMs: Math.max(max.busyMs, seen.busyMs) };
    onMax(max);
  };
  const timer = setInterval(look, TICK_MS).unref();
  return {
    read: () => max,
    reset() {
      lastMs = performance.now();
      lastCpuMs = cpuMs();
      max = { delayMs: 0, busyMs: 0 };
      onMax(max);
    },
    stop() {
      // The current turn counts too.
      look();
      clearInterval(timer);
      return max;
    },
  };
};

const MAX_MEASUREMENTS = 3;

/**
 * Repeats a measurement until it is below the bound, at most three times, and returns the smallest value. Garbage
 * collection, compilation and other processes make single measurements too long. Only for work that does the same each
 * time: work that is cached after the first run would pass by its second measurement.
 */
export const smallestOf = async (boundMs: number, measure: () => Promise<number>): Promise<number> => {
  let smallest = await measure();
  for (let count = 1; count < MAX_MEASUREMENTS && smallest >= boundMs; count += 1)
    smallest = Math.min(smallest, await measure());
  return smallest;
};

/** The longest turn while the work runs, in milliseconds of processor time, measured as `smallestOf` describes. */
export const busyMsOf = (boundMs: number, work: () => unknown): Promise<number> =>
  smallestOf(boundMs, async () => {
    const loop = watchLoop();
    try {
      await work();
    } finally {
      loop.stop();
    }
    return loop.read().busyMs;
  });

/** What a monitored process writes whenever its maximum grows. */
interface LoopDelayReport extends LoopDelay {
  /** The number of resets. */
  resets: number;
}

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'loop-delay-preload.ts')).href;
/** Longer than a tick, so that a turn that has just ended is in the report. */
const SETTLE_MS = 50;

/** The event loop of a child process, measured inside it and read from here. */
export interface LoopProbe {
  /** The environment variables for starting the process. `nodeOptions` are its other options. */
  env(nodeOptions?: string): Record<string, string>;
  /** The maximum since the start or the last `reset`. */
  read(): Promise<LoopDelay>;
  /** Resets the maximum, and the peak of resident memory too. */
  reset(child: ChildProcess): Promise<void>;
  /** The peak of resident memory since `reset`, in bytes. */
  peakBytes(child: ChildProcess): number;
  close(): void;
}

const statusBytes = (child: ChildProcess, field: 'VmHWM' | 'VmRSS'): number => {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
};

/** The resident memory of a process in bytes. */
export const residentBytes = (child: ChildProcess): number => statusBytes(child, 'VmRSS');

export const createLoopProbe = (): LoopProbe => {
  const folder = mkdtempSync(join(tmpdir(), 'loop-delay-'));
  const file = join(folder, 'report.json');
  const report = (): LoopDelayReport => JSON.parse(readFileSync(file, 'utf8')) as LoopDelayReport;
  return {
    env: (nodeOptions = '') => ({ LOOP_DELAY_FILE: file, NODE_OPTIONS: `--import=${PRELOAD} ${nodeOptions}`.trim() }),
    async read() {
      await sleep(SETTLE_MS);
      const { delayMs, busyMs } = report();
      return { delayMs, busyMs };
    },
    async reset(child) {
      const { resets } = report();
      child.kill('SIGUSR2');
      while (report().resets === resets) await sleep(5);
      // proc(5), clear_refs: 5 resets the peak of the resident set.
      writeFileSync(`/proc/${child.pid}/clear_refs`, '5');
    },
    peakBytes: (child) => statusBytes(child, 'VmHWM'),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
};
