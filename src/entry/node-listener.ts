import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { CourierError } from '../errors.ts';
import type { CourierApp } from './app.ts';
import type { Bindings } from './environment.ts';
import { isBodyPending } from './pending-body.ts';
import { problemResponse } from './problem.ts';
import { readTrace } from './trace.ts';

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
const MOST_LINGERING = 256;
let lingering = 0;

/**
 * Closes a connection whose body nobody wants: no byte of it is read any more, but the answer gets time to arrive, for
 * a socket that is closed over unread bytes is reset, and a reset overtakes the answer (RFC 9112, 9.6).
 */
const lingerOnClose = (socket: Socket): void => {
  socket.destroySoon = () => {
    if (lingering >= MOST_LINGERING) {
      socket.destroy();
      return;
    }
    lingering += 1;
    socket.end();
    socket.pause();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      lingering -= 1;
    });
  };
};

/** Leaves a body that nobody wants where it is. */
const abandonBody = (incoming: Request, outgoing: Response): void => {
  if (!isBodyPending(incoming)) return;
  if ('stream' in incoming) {
    // RFC 9113, 8.1: an answer before the end of the request, and a reset with NO_ERROR, is how a server says "stop".
    outgoing.once('finish', () => incoming.stream.close());
  } else lingerOnClose(incoming.socket);
};

const unreadable = (): globalThis.Response =>
  problemResponse(
    new CourierError('request-invalid', { detail: 'The request target or Host cannot be read.' }),
    readTrace(new Headers()).requestId,
  );

/** The app as a Node listener, with the raw request beside it: bodies never become Web streams. */
export const createNodeListener = (
  app: CourierApp,
  lifecycle: Pick<Bindings, 'stopping' | 'cutOff'> = {},
): NodeListener => {
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
      abandonBody(bindings.incoming, bindings.outgoing);
      return response;
    },
    { hostname: 'localhost', overrideGlobalObjects: false, autoCleanupIncoming: false, errorHandler: unreadable },
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
