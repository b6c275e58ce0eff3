import { readFileSync } from 'node:fs';
import { freePort } from '../../local/free-port.ts';
import { firstLine, type GoogleProcess, launch, type Measured, pathOf } from './processes.ts';

export const AUDIENCE = 'https://courier.example';
export const CALLER = 'exporter@local-project.iam.gserviceaccount.com';
/** As npm installs it. */
const FRAMEWORK = pathOf('node_modules/@google-cloud/functions-framework/build/src/main.js');

/** A program that accepts a file over HTTP, and the environment that it needs. */
export interface Contender {
  name: string;
  program: readonly string[];
  node: readonly string[];
  /** The command that runs the program, if it is not Node. */
  command?: string;
  env: Readonly<Record<string, string>>;
  /** Whether it prints its port itself (`{"port": …}`) or is given one. */
  port: 'assigned' | 'printed';
}

/** An ID token of the caller that every contender accepts. */
export const callerToken = async (google: GoogleProcess): Promise<string> =>
  (await google.admin<{ token: string }>('idToken', { email: CALLER, audience: AUDIENCE, includeEmail: true })).token;

/** The variables that Cloud Run always sets, without the project. */
const PLATFORM = {
  K_SERVICE: 'bench',
  K_REVISION: 'bench-00001-abc',
  K_CONFIGURATION: 'bench',
  NODE_ENV: 'production',
};

const courierEnv = ({ origin, metadataHost, secret, places }: GoogleProcess): Record<string, string> => ({
  COURIER_AUDIENCES: AUDIENCE,
  COURIER_CALLERS: CALLER,
  COURIER_FOLDER: places.sharedDrive,
  COURIER_SECRET: secret,
  COURIER_GOOGLE_ORIGIN: origin,
  GCE_METADATA_HOST: metadataHost,
  ...PLATFORM,
});

const framework = (source: string, target: string, main = FRAMEWORK): string[] => [
  main,
  `--source=${source}`,
  `--target=${target}`,
];

export const helloWorld = (): Contender => ({
  name: 'hello world',
  program: framework(pathOf('bench/baselines/hello-world.mjs'), 'helloWorld'),
  node: [],
  env: PLATFORM,
  port: 'assigned',
});

export const samples = ({ origin, metadataHost, secret, places }: GoogleProcess): Contender => ({
  name: 'samples',
  program: framework(pathOf('bench/baselines/samples.mjs'), 'courier'),
  node: ['--import', pathOf('bench/baselines/redirect.mjs')],
  env: {
    LOCAL_GOOGLE_ORIGIN: origin,
    GCE_METADATA_HOST: metadataHost,
    AUDIENCE,
    CALLER,
    FOLDER: places.sharedDrive,
    SECRET: secret,
    ...PLATFORM,
  },
  port: 'assigned',
});

/** The courier as it is deployed: from `dist/`, with the framework in dist. */
export const courierFunction = (google: GoogleProcess): Contender => ({
  name: 'courier, function',
  program: framework(pathOf('dist'), 'courier', pathOf('dist/functions-framework/build/src/main.js')),
  node: [],
  env: courierEnv(google),
  port: 'assigned',
});

/** The start command of `dist/`: `exec node …`. */
const startCommand = (): string => {
  const { scripts } = JSON.parse(readFileSync(pathOf('dist/package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  return scripts.start;
};

/** The Node options in it. */
const startFlags = (): string[] =>
  startCommand()
    .split(' ')
    .filter((word) => word.startsWith('--'));

/**
 * The service as Cloud Run starts it after a deployment from source: Google's buildpack runs the entry point with a
 * shell, in the application's folder (GoogleCloudPlatform/buildpacks, pkg/gcpbuildpack, AddProcess).
 */
export const courierAsDeployed = (google: GoogleProcess): Contender => ({
  name: 'courier, service as deployed',
  program: ['-c', `cd '${pathOf('dist')}' && ${startCommand()}`],
  command: 'bash',
  node: [],
  env: courierEnv(google),
  port: 'assigned',
});

export const courierService = (google: GoogleProcess): Contender => ({
  name: 'courier, service',
  program: [pathOf('dist/server.js')],
  node: startFlags(),
  env: courierEnv(google),
  port: 'assigned',
});

/** A courier with a configuration document, for settings that have no environment variables. */
export const configured = (contender: Contender, google: GoogleProcess, more: object): Contender => {
  const { GCE_METADATA_HOST, COURIER_GOOGLE_ORIGIN, COURIER_SECRET, COURIER_FOLDER } = courierEnv(google);
  const document = {
    audiences: [AUDIENCE],
    destinations: { reports: { folder: COURIER_FOLDER, credentials: 'main', callers: [CALLER] } },
    credentials: { main: { secret: COURIER_SECRET } },
    ...more,
  };
  const env = {
    ...PLATFORM,
    GCE_METADATA_HOST: GCE_METADATA_HOST ?? '',
    COURIER_GOOGLE_ORIGIN: COURIER_GOOGLE_ORIGIN ?? '',
    COURIER_CONFIG: JSON.stringify(document),
  };
  return { ...contender, env };
};

export const configuredService = (google: GoogleProcess, more: object): Contender =>
  configured(courierService(google), google, more);

const baseline = async (google: GoogleProcess, name: string, file: string): Promise<Contender> => {
  const email = 'courier@local-project.iam.gserviceaccount.com';
  const scopes = ['https://www.googleapis.com/auth/drive'];
  const { token } = await google.admin<{ token: string }>('accessToken', { email, scopes });
  return {
    name,
    program: [pathOf(`bench/baselines/${file}`)],
    node: [],
    env: { LOCAL_GOOGLE_ORIGIN: google.origin, ACCESS_TOKEN: token, FOLDER: google.places.sharedDrive },
    port: 'printed',
  };
};

export const forward = (google: GoogleProcess): Promise<Contender> => baseline(google, 'limit', 'forward.mjs');
export const pipe = (google: GoogleProcess): Promise<Contender> => baseline(google, 'pipe', 'pipe.mjs');

export interface Running extends Measured {
  url: string;
}

const PATIENCE_MS = 30_000;

/** Starts a contender. Resolves when it accepts requests. */
export const run = async (
  contender: Contender,
  options: { core?: number; env?: Record<string, string> } = {},
): Promise<Running> => {
  const { core, env = {} } = options;
  const assigned = contender.port === 'assigned' ? await freePort() : undefined;
  const started = launch(contender.program, {
    ...(contender.command === undefined ? {} : { command: contender.command }),
    node: contender.node,
    env: { ...contender.env, ...env, ...(assigned === undefined ? {} : { PORT: String(assigned) }) },
    ...(core === undefined ? {} : { core }),
  });
  const port = assigned ?? (await firstLine(started, (line) => (JSON.parse(line) as { port?: number }).port));
  started.child.stdout?.resume();
  const url = `http://127.0.0.1:${port}`;
  const endMs = Date.now() + PATIENCE_MS;
  // Any response will do.
  while (
    !(await fetch(url).then(
      () => true,
      () => false,
    ))
  ) {
    if (Date.now() > endMs || started.child.exitCode !== null) throw new Error(`${contender.name} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { ...started, url };
};
