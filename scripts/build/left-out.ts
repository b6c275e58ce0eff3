import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { Plugin } from 'esbuild';

/** A module that takes another's place: its text, and the folder that its own imports start from. */
interface Replacement {
  folder: string;
  text: string;
}

/**
 * Google's generated clients speak gRPC and REST, and carry the messages of every API that they know. The courier speaks
 * REST alone, so gRPC, the administrators' clients and messages that nobody decodes stay out of the bundle: 2.5 MB, and
 * half of the time that loading takes. Keyed by what is imported; everything that takes a place uses the library's own parts.
 */
const REPLACED: Readonly<Record<string, Replacement>> = {
  // Its index adds gRPC to `fallback`; the clients take the rest of these names from it.
  'google-gax': {
    folder: 'google-gax/build/src',
    text: `
const fallback = require('./fallback');
// Every client makes one of these beside itself, from a description of its own, and nobody here asks where Google is.
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
  // Firestore asks for these when it speaks to its emulator; REST has no use for them.
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
  // 1.3 MB of code for one message, which protobufjs makes as well from the description that is there anyway.
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
 * Hono's adapter asks of each request whether it is one of HTTP/2; the function's never are, and need not load that for the
 * question. The version is no answer, for an HTTP/1 request says what it likes; a stream that can respond is HTTP/2's alone
 * (nodejs.org/api/http2.html#http2streamrespondheaders-options), and unlike its session it is there when all is over.
 * NO_ERROR is RFC 9113's.
 */
const HTTP2_ASKED = `
export const Http2ServerRequest = { [Symbol.hasInstance]: (request) => request?.stream?.respond !== undefined };
export const constants = { NGHTTP2_NO_ERROR: 0 };`;

/** Importers that may be given another module, by a part of their path; a relative import means nothing without. */
const IMPORTERS = /node_modules[\\/](@google-cloud[\\/]firestore|google-gax|pino)[\\/]/;

/**
 * Messages that google-gax exports for others, or decodes for operations that take long; pino's threads to write from, for
 * which it loads half a dozen of Node's modules; and what every Node has by now.
 */
const ABSENT =
  /^(\.\.\/(\.\.\/)?protos\/(iam_service|locations|operations)|\.\/(lib\/)?transport|web-streams-polyfill\/.*)$/;

/** Touching what is left out says so, rather than to go on with nothing. */
const absent = (what: string): string => `
module.exports = new Proxy({}, {
  get(_, name) {
    if (name === '__esModule') return true;
    throw new Error(${JSON.stringify(`${what} is left out of this bundle`)} + ': ' + String(name));
  },
});`;

/** A package's folder as the project has it installed; `exports` may hide a package's insides from \`require.resolve\`. */
const installed = (root: string, folder: string): string => {
  const [first = '', second = ''] = folder.split('/');
  const name = first.startsWith('@') ? `${first}/${second}` : first;
  const paths = createRequire(join(root, 'package.json')).resolve.paths(name) ?? [];
  const require = createRequire(import.meta.url);
  for (const path of paths) {
    try {
      return join(dirname(require.resolve(join(path, name, 'package.json'))), folder.slice(name.length));
    } catch {
      // Not in this one.
    }
  }
  throw new Error(`${name} is not installed`);
};

/** esbuild's part: what of Google's libraries, and of zod's languages, the bundles do without. */
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

    // Faults of the configuration are told in English: 260 KB of other languages' messages.
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
