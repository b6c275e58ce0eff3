import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkingCopy } from './working-copy.ts';

export interface TestRun {
  outcome: 'passed' | 'failed' | 'timeout';
  milliseconds: number;
  /** The first failed test, or the output if none could run. */
  failure: string;
}

const JEST = createRequire(import.meta.url).resolve('jest/bin/jest');
const ENVIRONMENT = fileURLToPath(new URL('./stop-at-failure.mjs', import.meta.url));
const MAX_PRINTED = 100_000;

/** The running process groups, so that none is left when the runner is stopped. */
const running = new Set<number>();

/** All descendants of a process, including those in groups of their own (an emulator). */
const descendantsOf = (pid: number): number[] => {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    for (const [child, of] of pairs) if (of === parent && child !== undefined) found.push(child);
  }
  return found.slice(1);
};

const end = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
};

/** A test file and the processes it has started share a group, and are stopped with it. */
const endGroup = (pid: number, isOver = false): void => {
  const others = isOver ? [] : descendantsOf(pid);
  for (const each of [-pid, ...others]) end(each);
  running.delete(pid);
};

export const endAll = (): void => {
  for (const pid of running) endGroup(pid);
};

const firstFailure = (printed: string): string =>
  /^\s*● (.+)$/m.exec(printed)?.[1] ?? printed.trim().split('\n').at(0)?.slice(0, 200) ?? '';

const startJest = ({ root, temporary }: WorkingCopy, file: string, oneTestMs: number): ChildProcess =>
  spawn(
    process.execPath,
    [
      ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', JEST],
      ...[
        '--runInBand',
        '--colors=false',
        '--watchman=false',
        `--env=${ENVIRONMENT}`,
        `--cacheDirectory=${join(root, '..', 'jest')}`,
      ],
      ...[`--testTimeout=${oneTestMs}`, '--runTestsByPath', file],
    ],
    {
      cwd: root,
      env: { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: join(root, '..', 'compiled') },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );

/** Time limits in milliseconds: of a test file, and of one test without a limit of its own. */
export interface Limits {
  wholeMs: number;
  oneTestMs: number;
}

/** Runs one test file in a working copy, up to its first failure. */
export const runTests = async (copy: WorkingCopy, file: string, limits: Limits): Promise<TestRun> => {
  const startedMs = performance.now();
  const child = startJest(copy, file, limits.oneTestMs);
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      if (printed.length < MAX_PRINTED) printed += chunk.toString();
    });
  }
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    if (pid !== undefined) endGroup(pid);
  }, limits.wholeMs);
  const code = await new Promise<number | null>((resolve) => {
    child.once('exit', resolve).once('error', () => resolve(null));
  });
  clearTimeout(timer);
  if (pid !== undefined) endGroup(pid, true);
  copy.tidy();
  const outcome = isLate ? 'timeout' : code === 0 ? 'passed' : 'failed';
  return {
    outcome,
    milliseconds: performance.now() - startedMs,
    failure: outcome === 'passed' ? '' : firstFailure(printed),
  };
};
