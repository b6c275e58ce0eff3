import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { handleConnections, type HttpServerTimes, TIMES } from './connections.ts';

const LISTENING = 'tracing:net.server.listen:asyncEnd';

/** Calls a function with the first server of this process that listens: that of functions-framework. */
const onceListening = (use: (server: Server) => void): void => {
  const listening = (message: unknown): void => {
    unsubscribe(LISTENING, listening);
    use((message as { server: Server }).server);
  };
  subscribe(LISTENING, listening);
};

/** Prints where the function listens, as functions-framework does outside of production. */
const printUrlOnceListening = (): void =>
  onceListening((server) => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) console.log(`URL: http://localhost:${address.port}/`);
  });

/**
 * Gives the server of functions-framework the limits of the service's: times for headers and idle connections, a limit of
 * requests that wait on one connection, and answers to requests that cannot be parsed. What Node takes only when a server is
 * created stays as it is: headers have at most 16 KiB, and late ones are noticed within half a minute.
 * @internal for tests
 */
export const limitConnections = (server: HttpServer, { headersMs, idleMs }: HttpServerTimes = TIMES): void => {
  const handlers = server.listeners('request');
  server.removeAllListeners('request');
  handleConnections(server, {
    onRequest(incoming, outgoing) {
      for (const handle of handlers) handle.call(server, incoming, outgoing);
    },
  });
  server.headersTimeout = headersMs;
  // Node's limit for a whole request would cut off slow bodies, for which the courier has a minimum throughput.
  server.requestTimeout = 0;
  server.keepAliveTimeout = idleMs;
};

/** Does so as soon as functions-framework listens. */
export const limitConnectionsOnceListening = (): void =>
  onceListening((server) => {
    if (server instanceof HttpServer) limitConnections(server);
  });

/**
 * Keeps stack traces and error messages out of the responses of Express and functions-framework. They read NODE_ENV
 * when the function is loaded and when a request fails. The platform leaves it unset, or `development` after a build by
 * Google's buildpack.
 */
export const enterProduction = (env: Record<string, string | undefined>): void => {
  if (env.NODE_ENV === 'production') return;
  env.NODE_ENV = 'production';
  printUrlOnceListening();
};

/** The name of the function that functions-framework serves in this process: `--target`, else FUNCTION_TARGET. */
export const servedFunction = (argv: readonly string[], target: string | undefined): string | undefined => {
  const at = argv.findIndex((argument) => argument === '--target' || argument.startsWith('--target='));
  const argument = argv[at];
  if (argument === undefined) return target;
  return argument === '--target' ? argv[at + 1] : argument.slice('--target='.length);
};

const REQUEST_START = 'http.server.request.start';

/** Paths that functions-framework answers itself, with an empty 404, for every HTTP function. */
const IGNORED_PATH = /^\/(?:favicon\.ico|robots\.txt)(?=[/?#]|$)/i;

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

/**
 * Rewrites a request target so that it reaches the function. Express answers a path that it cannot decode with an HTML
 * page of its own, and functions-framework answers two paths itself. After the rewrite, the courier answers them like
 * any other path.
 * @internal for tests
 */
export const targetForFunction = (target: string): string => {
  if (IGNORED_PATH.test(target)) return target.replace('.', '%2e');
  if (!target.includes('%')) return target;
  const [path = ''] = target.split('?', 1);
  return isDecodable(path) ? target : `${path.replaceAll('%', '%25')}${target.slice(path.length)}`;
};

/**
 * Lets the function read its own bodies and answer all its requests. By default functions-framework has body-parser read,
 * decompress and parse every body before the function is called: JSON that is not an object is answered with an HTML page
 * of Express, and a gzip bomb is decompressed for an unauthenticated caller. body-parser skips a request that on-finished
 * considers finished, so each request is marked as finished before Express sees it. If a future version ignores the mark,
 * the body arrives in `rawBody`.
 *
 * Only for the process of the HTTP function: CloudEvents need their bodies parsed.
 * @returns a function that undoes this
 */
export const keepRequests = (): (() => void) => {
  const mark = (message: unknown): void => {
    const { request, server } = message as {
      request: IncomingMessage;
      server: HttpServer & { requireHostHeader?: boolean };
    };
    const url = targetForFunction(request.url ?? '');
    Object.assign(request, url === request.url ? { finished: true } : { finished: true, url });
    // Otherwise Node answers a request without a Host header itself, without a body. It reads this option after this event.
    server.requireHostHeader = false;
  };
  subscribe(REQUEST_START, mark);
  return () => unsubscribe(REQUEST_START, mark);
};
