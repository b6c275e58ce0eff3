import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A program or library that somebody else wrote, as it is found here. */
export interface Program {
  /** What starts it; for a library: what it is loaded by. */
  command: string;
  env: Readonly<Record<string, string>>;
  version: string;
}

const outputOf = (command: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
  const { status, stdout } = spawnSync(command, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
};

/** Undefined where it is absent, or does not say its version. */
const found = (
  command: string,
  args: readonly string[],
  version: RegExp,
  env: Readonly<Record<string, string>> = {},
): Program | undefined => {
  const [, text] = version.exec(outputOf(command, args, env) ?? '') ?? [];
  return text === undefined ? undefined : { command, env, version: text };
};

export const findRclone = (): Program | undefined => found('rclone', ['version'], /^rclone v(\S+)/);

export const findGcloud = (): Program | undefined => found('gcloud', ['--version'], /^Google Cloud SDK (\S+)/m);

/** The machine's own Python, whichever has the modules; then with the libraries that gcloud brings along. */
const GCLOUD_LIBRARIES = '/usr/lib/google-cloud-sdk/lib/third_party';

const findPython = (imports: string, version: string): Program | undefined => {
  const script = `import ${imports}\n${version}\nprint('version', version)`;
  const withGcloud = existsSync(GCLOUD_LIBRARIES) ? [{ PYTHONPATH: GCLOUD_LIBRARIES }] : [];
  for (const env of [{}, ...withGcloud])
    for (const command of ['python3', '/usr/bin/python3']) {
      const python = found(command, ['-W', 'ignore', '-c', script], /^version (\S+)/m, env);
      if (python !== undefined) return python;
    }
  return undefined;
};

/** Older ones do not say their version in the module. */
const DISTRIBUTION = (name: string): string => `
try:
    from importlib.metadata import version as read
    version = read('${name}')
except Exception:
    version = 'unknown'`;

/** googleapiclient, with what it needs to be somebody. */
export const findPythonClient = (): Program | undefined =>
  findPython(
    'googleapiclient.discovery, googleapiclient.http, google.oauth2.service_account, google_auth_httplib2',
    DISTRIBUTION('google-api-python-client'),
  );

export const findPythonAuth = (): Program | undefined =>
  findPython('google.auth, requests', DISTRIBUTION('google-auth'));

/** A package of npm: a dependency, so it is always here. */
export const findPackage = (name: string): Program => {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return { command: name, env: {}, version };
};
