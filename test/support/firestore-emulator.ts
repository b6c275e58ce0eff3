import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface FirestoreEmulator {
  /** `127.0.0.1:PORT`, as FIRESTORE_EMULATOR_HOST takes it. */
  host: string;
  /** Ends it, if it was started here. */
  stop(): Promise<void>;
}

const START_MS = 60_000;

/** Where gcloud has its Firestore emulator, or why there is none. */
const findProgram = async (): Promise<{ program: string } | { missing: string }> => {
  const run = promisify(execFile);
  const root = await run('gcloud', ['info', '--format=value(installation.sdk_root)']).catch(() => undefined);
  if (root === undefined) return { missing: 'gcloud is not installed' };
  const program = join(root.stdout.trim(), 'platform', 'cloud-firestore-emulator', 'cloud_firestore_emulator');
  if (!existsSync(program)) return { missing: 'gcloud has no component cloud-firestore-emulator' };
  const java = await run('java', ['-version']).catch(() => undefined);
  return java === undefined ? { missing: 'java is not installed' } : { program };
};

/** The emulator takes no port 0, so one that is free a moment before. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const isReady = async (host: string): Promise<boolean> =>
  fetch(`http://${host}/`).then(
    ({ ok }) => ok,
    () => false,
  );

const waitUntilReady = async (host: string, child: ChildProcess): Promise<void> => {
  const endsMs = Date.now() + START_MS;
  while (!(await isReady(host))) {
    if (child.exitCode !== null) throw new Error(`the Firestore emulator ended with ${child.exitCode}`);
    if (Date.now() > endsMs) throw new Error('the Firestore emulator does not get ready');
    await sleep(100);
  }
};

/** The program is a shell script around java: both are one process group. */
const stopGroup = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  process.kill(-child.pid, 'SIGKILL');
  await ended;
};

/**
 * Google's own Firestore emulator: the one that FIRESTORE_EMULATOR_HOST names, else gcloud's, started on a free port.
 * Where neither is there, undefined, and loudly so.
 */
export const startFirestoreEmulator = async (): Promise<FirestoreEmulator | undefined> => {
  const running = process.env.FIRESTORE_EMULATOR_HOST;
  if (running) return { host: running, stop: async () => undefined };
  const found = await findProgram();
  if ('missing' in found) {
    console.warn(`SKIPPED: what needs Google's Firestore emulator, because ${found.missing}.`);
    return undefined;
  }
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const child = spawn(found.program, ['start', '--host=127.0.0.1', `--port=${port}`], {
    stdio: 'ignore',
    detached: true,
  });
  const stop = (): Promise<void> => stopGroup(child);
  const stopAtExit = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', stopAtExit);
  child.once('exit', () => process.removeListener('exit', stopAtExit));
  try {
    await waitUntilReady(host, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, stop };
};
