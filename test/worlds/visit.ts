import { createServer } from 'node:http';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { readConfig } from '../../src/config/config.ts';
import { createCourier } from '../../src/courier.ts';
import type { DoctorReport } from '../../src/doctor/report.ts';
import { createCutOff } from '../../src/http/request-context.ts';
import { createHttpServer } from '../../src/http/server/http-server.ts';
import { createNodeListener } from '../../src/http/server/node-listener.ts';
import { createLog } from '../../src/log.ts';
import { type FrontEnd, startFrontEnd } from './front-end.ts';

export const AUDIENCE = 'https://courier.example';

export type Document = Record<string, unknown> & {
  audiences: string[];
  destinations: { reports: Record<string, unknown> };
  credentials: { main: Record<string, unknown> };
};

/** A broken setup: what is wrong with this Google or with the configuration, and what the doctor must find. */
export interface World {
  name: string;
  /** Breaks it. The result is temporarily merged into the environment. */
  arrange?(
    google: LocalGoogle,
    document: Document,
    frontEnd: FrontEnd,
  ): Promise<Environment | undefined> | Environment | undefined;
  /** The courier is a service on Cloud Run, behind a front end that checks tokens and removes their signatures. */
  onCloudRun?: boolean;
  /** How far Google's clock is ahead of the courier's, in milliseconds. */
  googleAheadMs?: number;
  write?: boolean;
  /** The checks that do not pass, apart from those skipped because another one failed. All others must pass. */
  finds: Readonly<Record<string, Expected>>;
}

type Environment = Readonly<Record<string, string>>;

interface Expected {
  result: 'passed' | 'failed' | 'warned' | 'skipped';
  detail?: RegExp;
  remedy?: RegExp;
}

/** A valid configuration: the classic setup, into a folder of a shared drive. */
const healthy = ({ world, places }: LocalGoogle): Document => ({
  audiences: [AUDIENCE],
  operators: [world.emails.ops],
  destinations: {
    reports: {
      folder: places.sharedDriveFolder,
      credentials: 'main',
      callers: [world.emails.exporter],
      share: [{ type: 'group', email: world.emails.sales, role: 'reader' }],
    },
  },
  credentials: { main: { secret: `${world.secret}/versions/latest` } },
});

const withEnvironment = async <Result>(environment: Environment, work: () => Promise<Result>): Promise<Result> => {
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
};

/** Calls a running courier over a socket, as its operator; on Cloud Run, through the front end. */
const askDoctor = async (
  google: LocalGoogle,
  document: Document,
  write: boolean,
  frontEnd: FrontEnd | undefined,
): Promise<[DoctorReport, string[]]> => {
  const lines: string[] = [];
  const config = readConfig({
    COURIER_CONFIG: JSON.stringify(document),
    COURIER_GOOGLE_ORIGIN: google.origin,
    ...(frontEnd === undefined ? {} : { K_SERVICE: 'drive-courier' }),
  });
  const courier = createCourier(config, { log: createLog('trace', { write: (line) => void lines.push(line) }) });
  const listener = createNodeListener(courier.app, { cutOff: createCutOff() });
  const http = createHttpServer(listener, { concurrentStreams: 10 });
  const port = await http.listen(0);
  frontEnd?.serve(port);
  try {
    const nowSeconds = Math.floor(Date.now() / 1_000);
    const token = google.world.idToken({
      email: google.world.emails.ops,
      audience: AUDIENCE,
      claims: { iat: nowSeconds, exp: nowSeconds + 600 },
    });
    const url = frontEnd?.url ?? `http://127.0.0.1:${port}`;
    const response = await fetch(`${url}/v1/doctor${write ? '?write=true' : ''}`, {
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
    });
    if (response.status !== 200) throw new Error(`the doctor answers ${response.status}: ${await response.text()}`);
    return [(await response.json()) as DoctorReport, lines];
  } finally {
    await http.close();
    http.destroy();
    await courier.close();
  }
};

export interface Visit {
  report: DoctorReport;
  /** Everything that the courier logged during the run. */
  lines: readonly string[];
  /** Secrets of this setup. Neither the report nor the log may contain them. */
  secrets: readonly string[];
  /** The calls that changed Drive: `POST /drive/v3/files`. */
  changes: readonly string[];
  /** Names of the doctor's files in Drive afterwards. Files in the trash count as deleted. */
  left: readonly string[];
}

/** Creates the setup, runs the doctor in it, and removes it again. */
export const visit = async ({ arrange, onCloudRun, googleAheadMs = 0, write = false }: World): Promise<Visit> => {
  const google = await startLocalGoogle({ now: () => Date.now() + googleAheadMs });
  const frontEnd = await startFrontEnd(google.world, [google.world.emails.ops]);
  try {
    const document = healthy(google);
    if (onCloudRun) Object.assign(document, { identity: 'cloud-run-iam', audiences: [AUDIENCE, frontEnd.url] });
    const { world } = google;
    const secrets = [
      ...world.state.serviceAccounts.flatMap(({ keys }) =>
        keys.map(({ privateKeyPem }) => privateKeyPem.slice(60, 120)),
      ),
      ...world.state.refreshTokens.map(({ token }) => token),
    ];
    const runtime = {
      GCE_METADATA_HOST: google.metadataHost,
      GOOGLE_APPLICATION_CREDENTIALS: '',
      NO_GCE_CHECK: 'false',
    };
    const environment = {
      ...runtime,
      CLOUDSDK_CONFIG: '/nonexistent',
      ...(await arrange?.(google, document, frontEnd)),
    };
    const [report, lines] = await withEnvironment(environment, () =>
      askDoctor(google, document, write, onCloudRun ? frontEnd : undefined),
    );
    const changes = google.calls
      .list()
      .filter(({ path, method }) => /\/drive\/v3\//.test(path) && method !== 'GET')
      .map(({ method, path }) => `${method} ${path}`);
    const left = google.drive
      .files()
      .filter(({ name, trashed }) => !trashed && name.startsWith('drive-courier-doctor'));
    return { report, lines, secrets, changes, left: left.map(({ name }) => name) };
  } finally {
    await frontEnd.close();
    await google.close();
  }
};

/** A port on which nothing listens. */
export const closedPort = async (): Promise<string> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
};
