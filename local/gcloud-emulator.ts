import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Google's own emulators, as gcloud brings them along: shell scripts around java. */

const ASK_MS = 15_000;

/** What a program says; else why it says nothing. */
const ask = async (program: string, args: readonly string[]): Promise<{ output: string } | { missing: string }> => {
  try {
    return { output: (await promisify(execFile)(program, args, { timeout: ASK_MS })).stdout };
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { missing: `${program} ${isAbsent ? 'is not installed' : 'does not answer'}` };
  }
};

/**
 * Where gcloud has an emulator, or why there is none.
 * @param program its path below gcloud's folder `platform`, which begins with the component's name
 */
export const findEmulator = async (program: string): Promise<{ program: string } | { missing: string }> => {
  const root = await ask('gcloud', ['info', '--format=value(installation.sdk_root)']);
  if ('missing' in root) return root;
  const path = join(root.output.trim(), 'platform', program);
  if (!existsSync(path)) return { missing: `gcloud has no component ${program.split('/')[0]}` };
  const java = await ask('java', ['-version']);
  return 'missing' in java ? java : { program: path };
};

export interface EmulatorProcess {
  child: ChildProcess;
  /** SIGKILL for the script and its java, and waits for their end. */
  stop(): Promise<void>;
}

/** Starts it, to be ended with this process at the latest. */
export const launchEmulator = (program: string, args: readonly string[]): EmulatorProcess => {
  // The script and its java are one process group.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const hasFailed = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const killGroup = (): void => {
    if (child.pid !== undefined && !hasFailed()) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', killGroup);
  child.once('exit', () => process.removeListener('exit', killGroup));
  // What it prints is read by whoever cares, and by nobody must not stop it.
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
