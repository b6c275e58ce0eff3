import type { LocalGoogle } from '../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { readConfig } from '../../../src/config/config.ts';
import { createCourier } from '../../../src/courier.ts';
import { createCutOff } from '../../../src/http/request-context.ts';
import { createHttpServer } from '../../../src/http/server/http-server.ts';
import { createNodeListener } from '../../../src/http/server/node-listener.ts';
import { createLog } from '../../../src/log.ts';

export const AUDIENCE = 'https://courier.example';

/** A courier in this process, on a socket, against a local Google. */
export interface RunningCourier {
  url: string;
  /** Its log lines at every level. */
  lines: string[];
  /** Sends a request as one of the local Google's accounts. */
  ask(email: string, path: string, init?: RequestInit & { headers?: Record<string, string> }): Promise<Response>;
  subscription: string;
  close(): Promise<void>;
}

/**
 * @param document merged into a valid configuration
 * @param onCloudRun sets this process's environment as `enterCloudRun` does, until the courier is closed
 */
export const startCourier = async (
  google: LocalGoogle,
  {
    document = {},
    env = {},
    onCloudRun = false,
    now,
  }: {
    document?: Record<string, unknown>;
    env?: Record<string, string>;
    onCloudRun?: boolean;
    now?: () => number;
  } = {},
): Promise<RunningCourier> => {
  const { world, places, topic } = google;
  const leave = onCloudRun ? enterCloudRun(google) : () => undefined;
  const whole = {
    audiences: [AUDIENCE],
    operators: [world.emails.ops],
    destinations: {
      reports: { folder: places.sharedDriveFolder, credentials: 'main', callers: [world.emails.exporter] },
    },
    credentials: { main: { secret: `${world.secret}/versions/latest` } },
    pubsub: {
      subscriptions: { [SUBSCRIPTION]: { serviceAccount: world.emails.pubsubPush, destinations: ['reports'] } },
      deadLetterTopic: topic,
    },
    ...document,
  };
  const lines: string[] = [];
  const config = readConfig({ ...env, COURIER_CONFIG: JSON.stringify(whole), COURIER_GOOGLE_ORIGIN: google.origin });
  const courier = createCourier(config, {
    ...(now === undefined ? {} : { now }),
    log: createLog('trace', { write: (line) => void lines.push(line) }),
  });
  const listener = createNodeListener(courier.app, { cutOff: createCutOff() });
  const http = createHttpServer(listener, { concurrentStreams: 100 });
  const url = `http://127.0.0.1:${await http.listen(0)}`;
  return {
    url,
    lines,
    subscription: SUBSCRIPTION,
    ask(email, path, init = {}) {
      const authorization = `Bearer ${world.idToken({ email, audience: AUDIENCE })}`;
      return fetch(`${url}${path}`, { ...init, headers: { ...init.headers, authorization, connection: 'close' } });
    },
    async close() {
      await http.close();
      http.destroy();
      await courier.close();
      leave();
    },
  };
};

/**
 * Sets this process's environment as on Cloud Run with that Google's metadata server. Returns a function that restores
 * it.
 */
export const enterCloudRun = (google: LocalGoogle): (() => void) => {
  const before = { ...process.env };
  const { GOOGLE_APPLICATION_CREDENTIALS: _, ...rest } = before;
  process.env = {
    ...rest,
    CLOUDSDK_CONFIG: '/nonexistent',
    HOME: '/nonexistent',
    GCE_METADATA_HOST: google.metadataHost,
    METADATA_SERVER_DETECTION: 'assume-present',
  };
  return () => {
    process.env = before;
  };
};
