import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { readConfig } from '../../../src/config/config.ts';
import { createDriveAuth } from '../../../src/credentials/create-drive-auth.ts';
import type { DriveAuth } from '../../../src/credentials/drive-auth.ts';
import { createRuntimeIdentity } from '../../../src/credentials/runtime/runtime-identity.ts';
import type { CourierError } from '../../../src/errors.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import type { GoogleTransport } from '../../../src/google/transport.ts';
import { createLog, type Log } from '../../../src/log.ts';

/** As an operator writes it: `{secret: …, subject: …}`. */
export type Credential = Readonly<Record<string, unknown>>;

/** Parses one entry of `credentials` as the configuration does. */
const parsed = (credential: Credential) => {
  const { credentials } = readConfig({
    COURIER_CONFIG: JSON.stringify({
      audiences: ['https://courier.example'],
      destinations: { d: { folder: 'folder-1', credentials: 'main', callers: ['sub:1'] } },
      credentials: { main: credential },
    }),
  });
  const { main } = credentials;
  if (main === undefined) throw new Error('no credentials');
  return main;
};

/** What must never be printed: tokens, assertions, codes, and any line of a key. */
const SECRETS =
  /eyJ[\w-]{10,}\.[\w-]+(\.[\w-]+)?|ya29\.[\w.-]{20,}|1\/\/[\w-]{20,}|GOCSPX-[\w-]+|(?<=\\n|\n)[A-Za-z0-9+/]{60,}/g;

/** Every log line, and every secret that passed through the transport. */
export interface Witness {
  log: Log;
  lines: string[];
  /** Epoch milliseconds. */
  now: () => number;
  secrets: Set<string>;
  sawSecretsIn(text: string): void;
  /** Records what an error reveals, in the response and in the log. */
  sawError(error: unknown): void;
  /** Run by `close`. */
  closers: (() => void)[];
  close(): void;
}

export const createWitness = (now: () => number = () => Date.now()): Witness => {
  const lines: string[] = [];
  const { AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = AWS_ENVIRONMENT;
  const secrets = new Set<string>([AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN]);
  const closers: (() => void)[] = [];
  const log = createLog('trace', { write: (line) => void lines.push(line) });
  return {
    log,
    lines,
    now,
    secrets,
    closers,
    close: () => closers.forEach((close) => void close()),
    sawSecretsIn(text) {
      for (const [found] of text.matchAll(SECRETS)) secrets.add(found);
    },
    sawError(error) {
      log.error({ error }, 'refused');
      const { message, detail, remedy, stack } = error as CourierError;
      lines.push(JSON.stringify({ message, detail, remedy, stack }));
    },
  };
};

const textOf = (body: unknown): string => {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  return body === undefined || body === null ? '' : decodeURIComponent(String(body).replaceAll('+', ' '));
};

/** The transport, which also records the secrets that pass through it. */
const watched = (transport: GoogleTransport, witness: Witness): GoogleTransport => ({
  ...transport,
  async send(request) {
    witness.sawSecretsIn(`${JSON.stringify(request.headers)}${textOf(request.body)}`);
    const response = await transport.send(request);
    witness.sawSecretsIn(response.body.toString());
    return response;
  },
  async fetch(input, init) {
    witness.sawSecretsIn(
      `${JSON.stringify(Object.fromEntries(new Headers(init?.headers as Headers)))}${textOf(init?.body)}`,
    );
    const response = await transport.fetch(input, init);
    witness.sawSecretsIn(await response.clone().text());
    return response;
  },
});

/** The credentials for the entry, against the local Google. */
export const openAuth = (
  google: LocalGoogle,
  witness: Witness,
  credential: Credential,
  { onCloudRun = false }: { onCloudRun?: boolean | undefined } = {},
): DriveAuth => {
  const { log, now } = witness;
  // Tests do not wait for retries.
  const plain = createTransport({
    googleOrigin: google.origin,
    log,
    sleep: async () => undefined,
    now,
  });
  witness.closers.push(plain.close);
  const transport = watched(plain, witness);
  return createDriveAuth({
    name: 'main',
    config: parsed(credential),
    transport,
    googleOrigin: google.origin,
    runtime: createRuntimeIdentity({ transport, isPlatforms: onCloudRun, now }),
    now,
    log,
  });
};

/**
 * Sets the environment of a courier whose own identity comes from the local metadata server, and of a Lambda function.
 * @returns restores the previous environment
 */
const enterRuntime = (google: LocalGoogle): (() => void) => {
  const before = { ...process.env };
  const { GOOGLE_APPLICATION_CREDENTIALS: _, ...rest } = before;
  process.env = {
    ...rest,
    CLOUDSDK_CONFIG: '/nonexistent',
    HOME: '/nonexistent',
    GCE_METADATA_HOST: google.metadataHost,
    METADATA_SERVER_DETECTION: 'assume-present',
    ...AWS_ENVIRONMENT,
  };
  return () => {
    process.env = before;
  };
};

/** Starts a local Google, and enters its runtime. The function that it returns ends both, and the witness. */
export const startRuntime = async (
  witness: Witness,
  options: Parameters<typeof startLocalGoogle>[0] = {},
): Promise<{ google: LocalGoogle; close(): Promise<void> }> => {
  const google = await startLocalGoogle(options);
  const leave = enterRuntime(google);
  return {
    google,
    async close() {
      leave();
      witness.close();
      await google.close();
    },
  };
};

/** The code and message of an error, which the witness records too. */
export const refusalOf = async (auth: DriveAuth, witness: Witness): Promise<CourierError> => {
  try {
    await auth.token();
  } catch (error) {
    witness.sawError(error);
    return error as CourierError;
  }
  throw new Error('it was not refused');
};
