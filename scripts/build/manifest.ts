import { CLIENT_NODE } from './bundle.ts';
import type { Lock } from './lockfile.ts';

export const FRAMEWORK = '@google-cloud/functions-framework';
/** Where dist has its own, which npm links. */
export const FRAMEWORK_FOLDER = 'functions-framework';
/** The two files that others look for, where the original has them. */
export const FRAMEWORK_FILES = { index: 'build/src/index.js', main: 'build/src/main.js' } as const;

export interface Own {
  name: string;
  version: string;
  license: string;
  engines: Readonly<Record<string, string>>;
  repository?: unknown;
  homepage?: string | undefined;
  bugs?: unknown;
}

/** The package.json of dist: to be deployed as it is, with nothing to install that is not in it. */
export const manifestOf = ({ name, version, license }: Own) => ({
  name,
  version,
  license,
  private: true,
  type: 'commonjs',
  main: 'index.cjs',
  // Buildpacks take the newest that fits, which need not be one that this was tried on.
  engines: { node: '24.x' },
  scripts: {
    // A young generation of 8 MiB from the start, and a compiler that does not keep a queue of work: 25 MiB less after a
    // thousand deliveries (docs/decisions/v8-memory-options.md). npm runs this in a shell, which would keep a SIGTERM to itself if it
    // did not become the courier.
    start: 'exec node --min-semi-space-size=8 --max-semi-space-size=8 --no-concurrent-recompilation server.js',
    'start:function': 'exec functions-framework --target=courier',
    // Google's buildpacks run this where the function will run: same Node, same folder.
    'gcp-build': 'node warm.js',
  },
  // Google's builders look for it by this name, and start what npm has linked.
  dependencies: { [FRAMEWORK]: `file:${FRAMEWORK_FOLDER}` },
});

/** The package.json of dist/functions-framework. */
export const frameworkManifestOf = (lock: Lock) => {
  const { version, license } = lock.get(`node_modules/${FRAMEWORK}`) ?? {};
  if (version === undefined || license === undefined) throw new Error(`package-lock.json has no ${FRAMEWORK}`);
  return {
    name: FRAMEWORK,
    version,
    license,
    private: true,
    type: 'commonjs',
    main: FRAMEWORK_FILES.index,
    bin: { 'functions-framework': FRAMEWORK_FILES.main },
  };
};

/** dist's own lock file: "npm ci" installs nothing but a link, and asks no registry. */
export const lockfileOf = (own: Own, lock: Lock): object => {
  const { name, version, license, engines, dependencies } = manifestOf(own);
  const framework = frameworkManifestOf(lock);
  return {
    name,
    version,
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name, version, license, dependencies, engines },
      [FRAMEWORK_FOLDER]: {
        name: FRAMEWORK,
        version: framework.version,
        license: framework.license,
        bin: framework.bin,
      },
      [`node_modules/${FRAMEWORK}`]: { resolved: FRAMEWORK_FOLDER, link: true },
    },
  };
};

/** One module for `import` and `require`, each with types of its own kind. */
const CLIENT_EXPORT = {
  import: { types: './index.d.ts', default: './index.js' },
  require: { types: './index.d.cts', default: './index.cjs' },
};

/**
 * The package.json of dist/client, the npm package. The main export is the library, too, under the shorter name.
 */
export const clientManifestOf = ({ name, version, license, repository, homepage, bugs }: Own): object => ({
  name,
  version,
  description: 'Send files to Google Drive through a drive-courier service: library and command line.',
  keywords: ['google-drive', 'upload', 'resumable', 'cloud-run', 'cli'],
  license,
  // What the project's own package.json has. Provenance needs the repository that the package is published from.
  ...(repository === undefined ? {} : { repository }),
  ...(homepage === undefined ? {} : { homepage }),
  ...(bugs === undefined ? {} : { bugs }),
  type: 'module',
  sideEffects: false,
  engines: { node: `>=${CLIENT_NODE}` },
  exports: { '.': CLIENT_EXPORT, './client': CLIENT_EXPORT, './package.json': './package.json' },
  // For tools that know no "exports".
  main: './index.cjs',
  types: './index.d.cts',
  typesVersions: { '*': { client: ['./index.d.cts'] } },
  bin: { courier: 'courier.cjs' },
  files: ['lib', 'index.*', 'courier.cjs', 'runtime.cjs', 'CHANGELOG.md', 'THIRD_PARTY_LICENSES.txt'],
  peerDependencies: { '@aws-sdk/credential-providers': '^3.0.0' },
  peerDependenciesMeta: { '@aws-sdk/credential-providers': { optional: true } },
  publishConfig: { access: 'public', provenance: true },
});
