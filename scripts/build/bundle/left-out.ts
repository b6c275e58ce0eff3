import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { Plugin } from 'esbuild';

/** A module that replaces another one: its source, and the folder that its own imports are resolved from. */
interface Replacement {
  folder: string;
  text: string;
}

/**
 * Google's generated clients support gRPC and REST, and contain the messages of all their APIs. The courier uses only REST, so
 * the bundle leaves out gRPC, the administration clients and unused messages. This saves 2.5 MB and half of the load time.
 * The keys are import specifiers, and each replacement uses only parts of the library itself.
 */
const REPLACED: Readonly<Record<string, Replacement>> = {
  // The index of google-gax adds gRPC to `fallback`. The clients use the other names below.
  'google-gax': {
    folder: 'google-gax/build/src',
    text: `
const fallback = require('./fallback');
// Every client creates a LocationsClient with a descriptor of its own. The courier never uses it.
function LocationsClient() {
  return new Proxy(this, {
    get(_, name) {
      throw new Error('LocationsClient is left out of this bundle: ' + String(name));
    },
  });
}
module.exports = {
  fallback: { ...fallback, LocationsClient },
  GoogleError: fallback.GoogleError,
  Status: require('./status').Status,
  decodeAnyProtosInArray: require('./util').decodeAnyProtosInArray,
  loggingUtils: require('google-logging-utils'),
  // Firestore requests these credentials for its emulator. REST does not use them.
  grpc: { credentials: { createInsecure: () => undefined } },
};`,
  },
  '@google-cloud/secret-manager': {
    folder: '@google-cloud/secret-manager/build/src/v1',
    text: `exports.SecretManagerServiceClient = require('./secret_manager_service_client').SecretManagerServiceClient;`,
  },
  '@google-cloud/firestore-api': {
    folder: '@google-cloud/firestore-api/build/src/v1',
    text: `exports.v1 = { FirestoreClient: require('./firestore_client').FirestoreClient };`,
  },
  '@google-cloud/firestore-api/build/src/v1': {
    folder: '@google-cloud/firestore-api/build/src/v1',
    text: `exports.FirestoreClient = require('./firestore_client').FirestoreClient;`,
  },
  // The original has 1.3 MB of code for one message. protobufjs creates it from the descriptor, which is in the bundle anyway.
  '../protos/firestore_v1_proto_api': {
    folder: '@google-cloud/firestore-api/build/protos',
    text: `
let type;
const fromObject = (value) => {
  type ??= require('protobufjs').Root.fromJSON(require('./protos.json')).lookupType('google.firestore.v1.Value');
  return type.fromObject(value);
};
exports.google = { firestore: { v1: { Value: { fromObject } } } };`,
  },
};

/**
 * Hono's adapter checks for each request whether it uses HTTP/2. The function's requests never do, so the check must not load
 * node:http2. The request's version is no reliable sign, because an HTTP/1 client can send any version. Only HTTP/2 requests
 * have a stream with `respond` (nodejs.org/api/http2.html#http2streamrespondheaders-options), and unlike the session, the
 * stream still exists after the request has ended. The value of NO_ERROR is from RFC 9113.
 */
const HTTP2_ASKED = `
export const Http2ServerRequest = { [Symbol.hasInstance]: (request) => request?.stream?.respond !== undefined };
export const constants = { NGHTTP2_NO_ERROR: 0 };`;

/**
 * Part of the path of importers whose relative imports may be replaced. Without the importer, a relative import is
 * ambiguous.
 */
const IMPORTERS = /node_modules[\\/](@google-cloud[\\/]firestore|google-gax|pino)[\\/]/;

/**
 * Modules that are left out without a replacement: messages that google-gax exports for other libraries or decodes for
 * long-running operations, pino's worker threads, which load half a dozen of Node's modules, and polyfills that Node no longer
 * needs.
 */
const ABSENT =
  /^(\.\.\/(\.\.\/)?protos\/(iam_service|locations|operations)|\.\/(lib\/)?transport|web-streams-polyfill\/.*)$/;

/** Throws an error if anything uses a module that is left out, so that this does not stay unnoticed. */
const absent = (what: string): string => `
module.exports = new Proxy({}, {
  get(_, name) {
    if (name === '__esModule') return true;
    throw new Error(${JSON.stringify(`${what} is left out of this bundle`)} + ': ' + String(name));
  },
});`;

/**
 * The installed folder of a package. `require.resolve` cannot find it directly, because `exports` may hide a package's
 * files.
 */
const installed = (root: string, folder: string): string => {
  const [first = '', second = ''] = folder.split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  const paths = createRequire(join(root, 'package.json')).resolve.paths(name) ?? [];
  const require = createRequire(import.meta.url);
  for (const path of paths) {
    try {
      return join(dirname(require.resolve(join(path, name, 'package.json'))), folder.slice(name.length));
    } catch {
      // The package is not in this folder.
    }
  }
  throw new Error(`${name} is not installed`);
};

/** An esbuild plugin that leaves out the unused parts of Google's libraries and the languages of zod. */
export const leaveOut = (root: string): Plugin => ({
  name: 'leave-out',
  setup(build) {
    build.onResolve({ filter: /^(google-gax|@google-cloud\/.+|\.\.\/protos\/.+)$/ }, ({ path, importer }) =>
      Object.hasOwn(REPLACED, path) && (!path.startsWith('.') || IMPORTERS.test(importer))
        ? { path, namespace: 'replaced' }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path }) => {
      const replacement = REPLACED[path];
      if (replacement === undefined) return undefined;
      return { contents: replacement.text, loader: 'js', resolveDir: installed(root, replacement.folder) };
    });

    build.onResolve({ filter: ABSENT }, ({ path, importer }) =>
      !path.startsWith('.') || IMPORTERS.test(importer) ? { path, namespace: 'absent' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({ contents: absent(path), loader: 'js' }));

    build.onResolve({ filter: /^node:http2$/ }, ({ path, importer }) =>
      importer.includes(`node_modules${sep}@hono${sep}node-server${sep}`) ? { path, namespace: 'asked' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'asked' }, () => ({ contents: HTTP2_ASKED, loader: 'js' }));

    // Configuration errors are reported in English only. The messages in other languages are 260 KB.
    build.onResolve({ filter: /^\.\.\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes(`node_modules${sep}zod${sep}`) ? { path: 'zod/v4/locales', namespace: 'english' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'english' }, ({ path }) => ({
      contents: `export { default as en } from './en.js';`,
      loader: 'js',
      resolveDir: installed(root, path),
    }));
  },
});
