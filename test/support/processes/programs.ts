import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A third-party program or library as installed on this machine. */
export interface Program {
  /** The command that starts it, or for a library the program that loads it. */
  command: string;
  env: Readonly<Record<string, string>>;
  version: string;
}

const outputOf = (command: string, args: readonly string[], env: Readonly<Record<string, string>>) => {
  const { status, stdout } = spawnSync(command, args, { env: { ...process.env, ...env }, encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
};

/** Undefined if it is absent or does not report its version. */
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

/** The command line of BigQuery, which comes with gcloud. */
export const findBq = (): Program | undefined => found('bq', ['version'], /BigQuery CLI (\S+)/);

const GCLOUD_LIBRARIES = '/usr/lib/google-cloud-sdk/lib/third_party';

export const findWget = (): Program | undefined => found('wget', ['--version'], /^GNU Wget (\d\S*)/);

/** curl, if it was built with HTTP/2. */
export const findCurlWithHttp2 = (): Program | undefined =>
  found('curl', ['--version'], /^curl (\S+)[\s\S]*^Features:.* HTTP2\b/m);

/** Java, if it can run a source file, which requires a compiler. */
export const findJava = (): Program | undefined => found('java', ['--list-modules'], /^jdk\.compiler@(\S+)/m);

/** Every Python that has the modules: the machine's own, and one with the libraries bundled with gcloud. */
const findPythons = (imports: string, version: string): Program[] => {
  const script = `import ${imports}\n${version}\nprint('version', version)`;
  const withGcloud = existsSync(GCLOUD_LIBRARIES) ? [{ PYTHONPATH: GCLOUD_LIBRARIES }] : [];
  return [{}, ...withGcloud].flatMap((env) => {
    const pythons = ['python3', '/usr/bin/python3'].map((command) =>
      found(command, ['-W', 'ignore', '-c', script], /^version (\S+)/m, env),
    );
    return pythons.find((python) => python !== undefined) ?? [];
  });
};

/** Older modules have no version attribute, and gcloud's are not installed as distributions. */
const versionOf = (distribution: string, module: string): string => `
try:
    from importlib.metadata import version as read
    version = read('${distribution}')
except Exception:
    version = getattr(${module}, '__version__', 'unknown')`;

/** googleapiclient with its authentication libraries. */
export const findPythonClient = (): Program | undefined =>
  findPythons(
    'googleapiclient.discovery, googleapiclient.http, google.oauth2.service_account, google_auth_httplib2',
    versionOf('google-api-python-client', 'googleapiclient'),
  )[0];

/** google-auth in several versions; Debian's is from 2018. */
export const findPythonAuths = (): Program[] =>
  findPythons('google.auth, requests', versionOf('google-auth', 'google.auth'));

/** MultipartEncoder, which streams forms for requests. */
export const findRequestsToolbelt = (): Program | undefined =>
  findPythons('requests, requests_toolbelt', versionOf('requests-toolbelt', 'requests_toolbelt'))[0];

export const findHttpx = (): Program | undefined => findPythons('httpx', versionOf('httpx', 'httpx'))[0];

/** An npm package. It is a dependency, so it is always available. */
export const findPackage = (name: string): Program => {
  const path = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return { command: name, env: {}, version };
};
