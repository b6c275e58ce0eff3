import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { asCourierError, CourierError } from '../../errors.ts';
import type { CourierApp } from '../app.ts';
import type { Bindings } from '../environment.ts';
import { isBodyPending, isCallerGone } from '../request/pending-body.ts';
import { problemResponse } from '../problem.ts';
import { PERCENT_ENCODE } from '../request/query.ts';
import { createStreamEnd } from './refused-stream.ts';
import { readTrace } from '../observe/trace.ts';

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface NodeListener {
  /** For the event `request`, and for Express. */
  onRequest(incoming: Request, outgoing: Response): void;
  /** For the event `checkContinue`: "100 Continue" goes out only when the body is wanted. */
  onCheckContinue(incoming: Request, outgoing: Response): void;
}

/** How long a refused caller has to read its answer before the connection is cut, in milliseconds. */
const LINGER_MS = 1_000;
const MAX_LINGERING = 256;

/** How long an answer may be on its way, in milliseconds: it is short, and whoever does not take it holds memory. */
const ANSWER_MS = 60_000;

/**
 * Closes connections whose body nobody wants: no byte of it is read any more, but the answer gets time to arrive, for a
 * socket that is closed over unread bytes is reset, and a reset overtakes the answer (RFC 9112, 9.6).
 */
const createLingering = (): ((socket: Socket) => void) => {
  let lingering = 0;
  return (socket) => {
    socket.destroySoon = () => {
      if (lingering >= MAX_LINGERING) {
        socket.destroy();
        return;
      }
      lingering += 1;
      socket.end();
      // Node is about to read on, to throw the rest away; a pause now would be undone by that.
      socket.on('resume', () => socket.pause());
      setImmediate(() => socket.pause());
      const timer = setTimeout(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => {
        clearTimeout(timer);
        lingering -= 1;
      });
    };
  };
};

/** Cuts off a caller that does not take its answer. */
const watchAnswer = (incoming: Request, outgoing: Response, answerMs: number): void => {
  const cut = (): void => {
    if ('stream' in incoming) incoming.stream.destroy();
    // An answer without a socket waits behind an earlier one on the same connection.
    else if (outgoing.socket !== null) incoming.socket.destroy();
  };
  if (isCallerGone({ incoming, outgoing })) return;
  const timer = setTimeout(cut, answerMs);
  outgoing.once('close', () => clearTimeout(timer));
};

/** For what never came as far as the app, or failed beyond it. */
const lastResort = (thrown: unknown): globalThis.Response => {
  const { requestId } = readTrace(new Headers());
  const error =
    thrown instanceof RequestError
      ? new CourierError('request-invalid', {
          detail: 'The URL or the Host header cannot be parsed.',
          remedy: `Check the URL and the Host header. ${PERCENT_ENCODE}`,
        })
      : asCourierError(thrown);
  return problemResponse(error, requestId, { headers: { 'X-Request-Id': requestId, 'Cache-Control': 'no-store' } });
};

/**
 * The app as a Node listener, with the raw request beside it: bodies never become Web streams.
 * @param answerMs a parameter for tests alone
 */
export const createNodeListener = (
  app: CourierApp,
  { answerMs = ANSWER_MS, ...lifecycle }: Pick<Bindings, 'stopping' | 'cutOff'> & { answerMs?: number } = {},
): NodeListener => {
  const lingerOnClose = createLingering();
  const endStream = createStreamEnd();
  /** Leaves a body that nobody wants where it is. */
  const abandonBody = (incoming: Request): void => {
    if (!isBodyPending(incoming)) return;
    if ('stream' in incoming) endStream(incoming);
    else lingerOnClose(incoming.socket);
  };
  const begins = new WeakMap<Request, () => void>();
  const listener = getRequestListener(
    async (request, env) => {
      const bindings = env as Bindings;
      const begin = begins.get(bindings.incoming);
      const response = await app.fetch(request, {
        ...bindings,
        ...lifecycle,
        ...(begin === undefined ? {} : { begin }),
      });
      abandonBody(bindings.incoming);
      watchAnswer(bindings.incoming, bindings.outgoing, answerMs);
      return response;
    },
    // The library's own Response is put in place of Node's, which makes a Web stream of every body.
    { hostname: 'localhost', overrideGlobalObjects: true, autoCleanupIncoming: false, errorHandler: lastResort },
  );
  return {
    onRequest: (incoming, outgoing) => void listener(incoming, outgoing),
    onCheckContinue(incoming, outgoing) {
      let begun = false;
      begins.set(incoming, () => {
        if (!begun) outgoing.writeContinue();
        begun = true;
      });
      void listener(incoming, outgoing);
    },
  };
};
