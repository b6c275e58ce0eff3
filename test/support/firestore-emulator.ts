import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../local/free-port.ts';
import { findEmulator, launchEmulator } from '../../local/gcloud-emulator.ts';

export interface FirestoreEmulator {
  /** `127.0.0.1:PORT`, the format of FIRESTORE_EMULATOR_HOST. */
  host: string;
  /** Stops it if it was started here. */
  stop(): Promise<void>;
}

const START_MS = 60_000;

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

/**
 * Google's own Firestore emulator: the one that FIRESTORE_EMULATOR_HOST names, else gcloud's, started on a free port.
 * Returns undefined with a clear warning if neither exists.
 */
export const startFirestoreEmulator = async (): Promise<FirestoreEmulator | undefined> => {
  const running = process.env.FIRESTORE_EMULATOR_HOST;
  if (running) return { host: running, stop: async () => undefined };
  const found = await findEmulator('cloud-firestore-emulator/cloud_firestore_emulator');
  if ('missing' in found) {
    console.warn(`SKIPPED: what needs Google's Firestore emulator, because ${found.missing}.`);
    return undefined;
  }
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const { child, stop } = launchEmulator(found.program, ['start', '--host=127.0.0.1', `--port=${port}`]);
  try {
    await waitUntilReady(host, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, stop };
};
