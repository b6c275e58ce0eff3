import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { asCourierError, CourierError } from '../../errors.ts';
import type { CourierApp } from '../app.ts';

import { problemResponse } from '../problem.ts';
import { isBodyPending, isCallerDisconnected } from '../request/incoming-request.ts';
import { PERCENT_ENCODE } from '../request/request-head.ts';
import { type Bindings, readTrace } from '../request-context.ts';
import { createStreamEnd } from './refused-stream.ts';

/** The member of a request that answers its `Expect: 100-continue`. A WeakMap would keep the response for long after its end. */
const BEGIN = Symbol('begin');

type Request = (IncomingMessage | Http2ServerRequest) & { [BEGIN]?: () => void };
type Response = ServerResponse | Http2ServerResponse;

export interface NodeListener {
  /** For the event `request`, and for Express. */
  onRequest(incoming: Request, outgoing: Response): void;
  /** For the event `checkContinue`: "100 Continue" is sent only when the body is read. */
  onCheckContinue(incoming: Request, outgoing: Response): void;
}

/** How long a rejected caller has to read its response before the connection is destroyed. */
const LINGER_MS = 1_000;
const MAX_LINGERING = 256;

/** How long sending a response may take. Responses are short, and one that is not read occupies memory. */
const ANSWER_MS = 60_000;

/**
 * Closes connections whose body is not read. The response gets time to arrive first: closing a socket with unread bytes
 * resets it, and the caller may see the reset before the response (RFC 9112, 9.6).
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
      // Node resumes the socket next, to discard the rest of the body, which would undo a pause made now.
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

/**
 * Destroys the connection of a caller that does not read its response in time. Returns a function that ends this time.
 */
const watchAnswer = (incoming: Request, outgoing: Response, answerMs: number): (() => void) => {
  const cut = (): void => {
    if ('stream' in incoming) incoming.stream.destroy();
    // A response without a socket is queued behind an earlier one on the same connection.
    else if (outgoing.socket !== null) incoming.socket.destroy();
  };
  if (isCallerDisconnected({ incoming, outgoing })) return () => undefined;
  const timer = setTimeout(cut, answerMs);
  const stop = (): void => {
    clearTimeout(timer);
    outgoing.off('close', stop);
  };
  outgoing.once('close', stop);
  return stop;
};

/** The response to a request that failed before or after the app. */
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
 * The app as a Node listener. Routes read the raw Node request, so bodies never become Web streams, which are slower.
 * @param answerMs a parameter for tests only
 */
export const createNodeListener = (
  app: CourierApp,
  { answerMs = ANSWER_MS, cutOff }: Pick<Bindings, 'cutOff'> & { answerMs?: number } = {},
): NodeListener => {
  const lingerOnClose = createLingering();
  const endStream = createStreamEnd();
  /** Stops reading a body that no route has read. */
  const abandonBody = (incoming: Request): void => {
    if (!isBodyPending(incoming)) return;
    if ('stream' in incoming) endStream(incoming);
    else lingerOnClose(incoming.socket);
  };
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as Bindings;
      const bindings: Bindings = {
        incoming,
        outgoing,
        cutOff,
        begin: (incoming as Request)[BEGIN],
        stopBody: () => abandonBody(incoming),
        watchReader: () => watchAnswer(incoming, outgoing, answerMs),
      };
      const response = await app.fetch(request, bindings);
      // Its parts are sent for as long as the request takes, and the body may arrive meanwhile.
      if (bindings.isSentInParts) return response;
      abandonBody(incoming);
      watchAnswer(incoming, outgoing, answerMs);
      return response;
    },
    // Replaces the global Response, which would turn every body into a Web stream.
    { hostname: 'localhost', overrideGlobalObjects: true, autoCleanupIncoming: false, errorHandler: lastResort },
  );
  return {
    onRequest: (incoming, outgoing) => void listener(incoming, outgoing),
    onCheckContinue(incoming, outgoing) {
      let begun = false;
      incoming[BEGIN] = () => {
        if (!begun) outgoing.writeContinue();
        begun = true;
      };
      void listener(incoming, outgoing);
    },
  };
};
