import { CLIENT_NODE } from '../bundle/bundle.ts';
import type { Lock } from './lockfile.ts';

export const FRAMEWORK = '@google-cloud/functions-framework';
/** The folder of dist with the bundled framework, which npm links. */
export const FRAMEWORK_FOLDER = 'functions-framework';
/** The two files that other programs look for, at the paths of the original package. */
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

/** The package.json of dist. dist is deployed unchanged and contains everything that npm installs. */
export const manifestOf = ({ name, version, license }: Own) => ({
  name,
  version,
  license,
  private: true,
  type: 'commonjs',
  main: 'index.cjs',
  // Buildpacks install the newest Node that matches. A wider range could select a version that was never tested.
  engines: { node: '24.x' },
  scripts: {
    // A fixed young generation of 8 MiB and no concurrent recompilation save 25 MiB after a thousand deliveries
    // (docs/decisions/v8-memory-options.md). npm runs this in a shell. Without `exec`, the shell would not pass on SIGTERM.
    start: 'exec node --min-semi-space-size=8 --max-semi-space-size=8 --no-concurrent-recompilation server.js',
    'start:function': 'exec functions-framework --target=courier',
    // Google's buildpacks run this with the same Node and in the same folder as the function.
    'gcp-build': 'node warm.js',
  },
  // Google's builders look for the framework by this name, and start the folder that npm has linked.
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

/** The lock file of dist. With it, `npm ci` only creates a link and contacts no registry. */
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

/** One module for `import` and `require`, with separate type declarations for each. */
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
  // Copied from the project's package.json. Provenance requires the repository that the package is published from.
  ...(repository === undefined ? {} : { repository }),
  ...(homepage === undefined ? {} : { homepage }),
  ...(bugs === undefined ? {} : { bugs }),
  type: 'module',
  sideEffects: false,
  engines: { node: `>=${CLIENT_NODE}` },
  exports: { '.': CLIENT_EXPORT, './client': CLIENT_EXPORT, './package.json': './package.json' },
  // For tools that do not support "exports".
  main: './index.cjs',
  types: './index.d.cts',
  typesVersions: { '*': { client: ['./index.d.cts'] } },
  bin: { courier: 'courier.cjs' },
  files: ['lib', 'index.*', 'courier.cjs', 'runtime.cjs', 'CHANGELOG.md', 'THIRD_PARTY_LICENSES.txt'],
  peerDependencies: { '@aws-sdk/credential-providers': '^3.0.0' },
  peerDependenciesMeta: { '@aws-sdk/credential-providers': { optional: true } },
  publishConfig: { access: 'public', provenance: true },
});
