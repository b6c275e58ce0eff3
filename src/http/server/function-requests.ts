import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';

/** The name of the function that functions-framework serves in this process, as it finds it itself: `--target`, else FUNCTION_TARGET. */
export const servedFunction = (argv: readonly string[], target: string | undefined): string | undefined => {
  const at = argv.findIndex((argument) => argument === '--target' || argument.startsWith('--target='));
  const argument = argv[at];
  if (argument === undefined) return target;
  return argument === '--target' ? argv[at + 1] : argument.slice('--target='.length);
};

const CHANNEL = 'http.server.request.start';

/** What functions-framework answers itself, with 404 and nothing else, for every HTTP function. */
const IGNORED = /^\/(?:favicon\.ico|robots\.txt)(?=[/?#]|$)/i;

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

/**
 * A request target that Express hands on to the function. It answers a path that it cannot decode with a page of its own, and
 * the framework answers two more; so written, they reach the function, which answers them as any other path.
 */
export const targetForFunction = (target: string): string => {
  if (IGNORED.test(target)) return target.replace('.', '%2e');
  if (!target.includes('%')) return target;
  const [path = ''] = target.split('?', 1);
  return isDecodable(path) ? target : `${path.replaceAll('%', '%25')}${target.slice(path.length)}`;
};

/**
 * Lets the function answer its own requests and read its own bodies. functions-framework has every body read, inflated and
 * parsed by body-parser before the function hears of the request: a file of JSON that is not an object is answered with a page
 * of Express's, and a gzip bomb is unpacked for an unknown caller. body-parser leaves alone what on-finished calls finished, so
 * each request is marked so before Express sees it; were the mark not understood, the body would come in `rawBody`.
 *
 * For the HTTP function's process only: CloudEvents need their bodies parsed.
 * @returns what takes it back
 */
export const keepRequests = (): (() => void) => {
  const mark = (message: unknown): void => {
    const { request, server } = message as {
      request: IncomingMessage;
      server: Server & { requireHostHeader?: boolean };
    };
    const url = targetForFunction(request.url ?? '');
    Object.assign(request, url === request.url ? { finished: true } : { finished: true, url });
    // Node would answer a request without Host itself, without a body; this is where it looks, after this.
    server.requireHostHeader = false;
  };
  subscribe(CHANNEL, mark);
  return () => unsubscribe(CHANNEL, mark);
};
