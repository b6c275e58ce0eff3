import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/** The name of the function that functions-framework serves in this process, as it finds it itself: `--target`, else FUNCTION_TARGET. */
export const servedFunction = (argv: readonly string[], target: string | undefined): string | undefined => {
  const at = argv.findIndex((argument) => argument === '--target' || argument.startsWith('--target='));
  const argument = argv[at];
  if (argument === undefined) return target;
  return argument === '--target' ? argv[at + 1] : argument.slice('--target='.length);
};

const CHANNEL = 'http.server.request.start';

/**
 * Lets the function read its own bodies. functions-framework has every body read, inflated and parsed by body-parser
 * before the function hears of the request: a file of JSON that is no object is answered with a page of Express's, and a
 * gzip bomb is unpacked for a caller that nobody knows yet. body-parser leaves alone what on-finished calls finished, so
 * each request is marked so before Express sees it; were the mark not understood, the body would come in `rawBody`.
 *
 * For the HTTP function's process only: CloudEvents need their bodies parsed.
 * @returns what takes it back
 */
export const keepBodiesUnread = (): (() => void) => {
  const mark = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage };
    Object.assign(request, { finished: true });
  };
  subscribe(CHANNEL, mark);
  return () => unsubscribe(CHANNEL, mark);
};
