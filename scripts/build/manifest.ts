import { closureOf, type Lock, nameOf } from './lockfile.ts';

const FRAMEWORK = 'node_modules/@google-cloud/functions-framework';

export interface Own {
  name: string;
  version: string;
  license: string;
  engines: Readonly<Record<string, string>>;
}

const frameworkVersion = (lock: Lock): string => {
  const version = lock.get(FRAMEWORK)?.version;
  if (version === undefined) throw new Error(`package-lock.json has no ${nameOf(FRAMEWORK)}`);
  return version;
};

/** The package.json of dist: to be deployed as it is, with nothing to install but what the platform calls functions by. */
export const manifestOf = ({ name, version, license }: Own, lock: Lock): object => ({
  name,
  version,
  license,
  private: true,
  type: 'commonjs',
  main: 'index.cjs',
  // Buildpacks take the newest that fits, which need not be one that this was tried on.
  engines: { node: '24.x' },
  scripts: {
    // A young generation of 8 MiB instead of 16 holds 20 MiB less, for 5 to 10 % more CPU (docs/decisions/speed.md). npm
    // runs this in a shell, which would keep a SIGTERM to itself if it did not become the courier.
    start: 'exec node --max-semi-space-size=8 server.js',
    'start:function': 'exec functions-framework --target=courier',
    // Google's buildpacks run this where the function will run: same Node, same folder.
    'gcp-build': 'node warm.js',
  },
  dependencies: { [nameOf(FRAMEWORK)]: frameworkVersion(lock) },
});

/** The folders that `npm install` makes in dist. */
export const installedFolders = (lock: Lock): string[] => closureOf(lock, FRAMEWORK);

/** dist's own lock file: the project's, cut down to what dist installs, so that it installs the very same. */
export const lockfileOf = (own: Own, lock: Lock): object => {
  const { name, version, license, engines, dependencies } = manifestOf(own, lock) as Record<string, unknown>;
  const entries = installedFolders(lock).map((folder) => [folder, plain(lock.get(folder) ?? {})]);
  return {
    name,
    version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': { name, version, license, dependencies, engines }, ...Object.fromEntries(entries) },
  };
};

/** Without the empty tables that reading it filled in. */
const plain = (entry: object): object =>
  Object.fromEntries(
    Object.entries(entry).filter(([, value]) => typeof value !== 'object' || Object.keys(value ?? {}).length > 0),
  );

/** The package.json of dist/client, which installs by itself: `npm install ./dist/client`. Its library has the same name as here. */
export const clientManifestOf = ({ name, version, license, engines }: Own, aws: string | undefined): object => ({
  name,
  version,
  license,
  private: true,
  type: 'module',
  engines,
  exports: { './client': './index.js' },
  bin: { courier: './main.js' },
  peerDependencies: { '@aws-sdk/credential-providers': aws ?? '*' },
  peerDependenciesMeta: { '@aws-sdk/credential-providers': { optional: true } },
});
