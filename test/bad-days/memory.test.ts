import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { buildDist } from '../../scripts/build/build.ts';
import { type BadDay, MEBIBYTE, noise, startBadDay, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 300_000;
const CONTAINER_BYTES = 256 * MEBIBYTE;
const FILE_BYTES = 20 * MEBIBYTE;
const UPLOADS = 20;

const root = join(import.meta.dirname, '../..');
const folder = await mkdtemp(join(tmpdir(), 'courier-memory-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
await buildDist(root, folder);

/** A cgroup with the memory of a container, below this process's own cgroup. */
interface Container {
  /** A command prefix that moves itself into the cgroup and then executes the rest. */
  under: readonly string[];
  /** The peak memory of its processes in bytes. */
  peakBytes(): number;
  /** How often the kernel killed a process in it. */
  kills(): number;
  remove(): Promise<void>;
}

const numberIn = (path: string): number => Number(readFileSync(path, 'utf8'));
const kills = (path: string): number => Number(/^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);

/** Supports both versions of cgroups. Returns the reason if this process may create none. */
const makeContainer = (): Container | { missing: string } => {
  const own = readFileSync('/proc/self/cgroup', 'utf8');
  const [, version1] = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(own) ?? [];
  const [, version2 = '/'] = /^0::(.*)$/m.exec(own) ?? [];
  const parent = version1 === undefined ? `/sys/fs/cgroup${version2}` : `/sys/fs/cgroup/memory${version1}`;
  const path = join(parent, `courier-memory-${process.pid}`);
  const at = (file: string): string => join(path, file);
  try {
    mkdirSync(path);
  } catch (error) {
    return { missing: `no cgroup can be made (${(error as NodeJS.ErrnoException).code})` };
  }
  try {
    writeFileSync(at(version1 === undefined ? 'memory.max' : 'memory.limit_in_bytes'), String(CONTAINER_BYTES));
  } catch (error) {
    rmdirSync(path);
    return { missing: `a cgroup of ours has no memory limit (${(error as NodeJS.ErrnoException).code})` };
  }
  return {
    under: ['sh', '-c', `echo $$ > ${at('cgroup.procs')} && exec "$@"`, 'sh'],
    peakBytes: () => numberIn(at(version1 === undefined ? 'memory.peak' : 'memory.max_usage_in_bytes')),
    kills: () => kills(at(version1 === undefined ? 'memory.events' : 'memory.oom_control')),
    async remove() {
      // The kernel releases an empty one a moment later.
      await waitUntil(() => {
        try {
          rmdirSync(path);
          return true;
        } catch (error) {
          return (error as NodeJS.ErrnoException).code === 'ENOENT';
        }
      });
    },
  };
};

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

/** The peak resident memory of the process in bytes. */
const peakRssBytes = ({ child }: CourierProcess): number =>
  1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);

const bytes = noise(FILE_BYTES);

/** Twenty concurrent callers at full speed. Returns those that had to retry. */
const sendAll = async (courier: CourierProcess): Promise<string[]> => {
  const names = Array.from({ length: UPLOADS }, (_, index) => `heavy-${String(index).padStart(2, '0')}`);
  // It fetches Google's signing keys and a token. Beside 400 MiB, a busy machine may need longer for them than their time limits.
  await day.insist(() => courier, 'first', Buffer.from('small'), { key: 'first' });
  const seen = await Promise.all(names.map((name) => day.insist(() => courier, name, bytes, { key: name })));
  expect(seen.map((answers) => answers.at(-1)).map((last) => last && summaryOf(last))).toEqual(names.map(() => '201'));
  expect(new Set(seen.map((answers) => answers.at(-1)?.receipt.size))).toEqual(new Set([FILE_BYTES]));
  const stored = day.google.drive.files().filter(({ name }) => name.startsWith('heavy-'));
  expect(stored.map(({ name }) => name).sort()).toEqual(names);
  expect(new Set(stored.map(({ sha256 }) => sha256))).toEqual(new Set([seen[0]?.at(-1)?.receipt.sha256]));
  return seen.flat().map(summaryOf);
};

const container = makeContainer();
if ('missing' in container)
  console.warn(`SKIPPED: the courier in a container of 256 MiB, because ${container.missing}.`);
afterAll(() => ('missing' in container ? undefined : container.remove()));

('missing' in container ? test.skip : test)(
  'in a container of 256 MiB twenty uploads of 20 MiB at once arrive complete, and nothing is killed',
  async () => {
    if ('missing' in container) throw new Error(container.missing);
    // No budget is configured, so it is derived from the limit that the courier detects.
    const courier = await day.start({ under: container.under, entry: join(folder, 'server.js') });
    const answers = await sendAll(courier);
    expect(answers.filter((words) => !/^(201|429 busy Retry-After \d+)$/.test(words))).toEqual([]);
    expect(container.kills()).toBe(0);
    // The limit was reached, so the courier really was in the cgroup.
    expect(container.peakBytes()).toBeGreaterThan(60 * MEBIBYTE);
    expect(peakRssBytes(courier)).toBeLessThan(CONTAINER_BYTES);
    expect(await courier.stop()).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'without a container, with a budget of 64 MiB: the same uploads keep the process under 256 MiB',
  async () => {
    const courier = await day.start({
      entry: join(folder, 'server.js'),
      nodeOptions: ['--max-old-space-size=96'],
      config: { limits: { bufferBytes: 64 * MEBIBYTE } },
    });
    await sendAll(courier);
    expect(peakRssBytes(courier)).toBeLessThan(CONTAINER_BYTES);
    expect(await courier.stop()).toBe(0);
  },
  TIMEOUT_MS,
);
