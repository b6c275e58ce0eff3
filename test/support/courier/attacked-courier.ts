import { readFileSync } from 'node:fs';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AUDIENCE, startCourierIn } from './courier-in-world.ts';

/** The time limit for the health response in milliseconds. Attackers, courier and Google may share one processor. */
const HEALTH_MS = 20_000;

/** A real courier process with little capacity, to be overloaded. */
export interface AttackedCourier {
  google: LocalGoogle;
  courier: CourierProcess;
  port: number;
  token: string;
  /** Requests its health on a separate connection. @throws if there is no response in time */
  health(): Promise<void>;
  /** The resident memory of the process in bytes. */
  residentBytes(): number;
  close(): Promise<void>;
}

export const startAttackedCourier = async (limits: object): Promise<AttackedCourier> => {
  const google = await startLocalGoogle();
  const { emails, keyFiles } = google.world;
  const courier = await startCourierIn(google, {
    config: {
      destinations: {
        reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
      },
      credentials: { main: { file: keyFiles.courier } },
      limits,
    },
    // So small that the garbage collector has to keep up: what remains is really in use.
    env: { LOG_LEVEL: 'info', NODE_OPTIONS: '--max-old-space-size=128' },
  });
  return {
    google,
    courier,
    port: Number(new URL(courier.url).port),
    token: google.world.idToken({ email: emails.exporter, audience: AUDIENCE }),
    async health() {
      const signal = AbortSignal.timeout(HEALTH_MS);
      const response = await fetch(`${courier.url}/v1/health`, { headers: { connection: 'close' }, signal });
      if (response.status !== 200) throw new Error(`health: ${response.status}`);
      await response.arrayBuffer();
    },
    residentBytes() {
      const [, kibibytes] =
        /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${courier.child.pid}/status`, 'utf8')) ?? [];
      return Number(kibibytes) * 1024;
    },
    async close() {
      await courier.stop();
      await google.close();
    },
  };
};
