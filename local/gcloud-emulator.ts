import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Google's emulators, which are components of gcloud: shell scripts that start Java. */

const ASK_MS = 15_000;

/** Runs a program and returns its output, or why it could not run. */
const ask = async (program: string, args: readonly string[]): Promise<{ output: string } | { missing: string }> => {
  try {
    return { output: (await promisify(execFile)(program, args, { timeout: ASK_MS })).stdout };
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { missing: `${program} ${isAbsent ? 'is not installed' : 'failed'}` };
  }
};

/**
 * Finds an emulator of gcloud, or returns why there is none.
 * @param program its path in gcloud's folder `platform`; the first segment is the name of the component
 */
export const findEmulator = async (program: string): Promise<{ program: string } | { missing: string }> => {
  const root = await ask('gcloud', ['info', '--format=value(installation.sdk_root)']);
  if ('missing' in root) return root;
  const path = join(root.output.trim(), 'platform', program);
  if (!existsSync(path)) return { missing: `gcloud lacks the component ${program.split('/')[0]}` };
  const java = await ask('java', ['-version']);
  return 'missing' in java ? java : { program: path };
};

export interface EmulatorProcess {
  child: ChildProcess;
  /** Kills the script and its Java process, and waits until they have exited. */
  stop(): Promise<void>;
}

/** Starts an emulator. It is killed when this process exits, at the latest. */
export const launchEmulator = (program: string, args: readonly string[]): EmulatorProcess => {
  // A process group of its own, so that the script and its Java process can be killed together.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const hasFailed = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const killGroup = (): void => {
    if (child.pid !== undefined && !hasFailed()) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', killGroup);
  child.once('exit', () => process.removeListener('exit', killGroup));
  // Drain its output: a full pipe would block it.
  child.stdout.resume();
  child.stderr.resume();
  return {
    child,
    async stop() {
      if (hasFailed()) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      killGroup();
      await ended;
    },
  };
};
