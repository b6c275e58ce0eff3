import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { NodeListener } from './node-listener.ts';
import { rejectConnect, rejectionOf, respondAndClose } from './rejected-requests.ts';
import { createChunkJoiner } from './small-chunks.ts';

export interface HttpServerTimes {
  /** How long the first bytes of a connection, and the headers of a request, may take. */
  headersMs: number;
  /**
   * How long an idle connection stays open. Google's front ends reuse theirs for 10 minutes, so the server must not
   * close them earlier.
   */
  idleMs: number;
}

export const TIMES: HttpServerTimes = { headersMs: 15_000, idleMs: 620_000 };

/**
 * How many requests of a connection may wait for their responses. Clients hardly ever send one before they have the response
 * to the previous one, and all requests that arrive together are handled in the same turn of the event loop.
 */
const MAX_UNANSWERED = 100;

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

/** What is in progress on a connection. */
interface Connection {
  /** The last request that was received, until its response is complete. */
  exchange: Exchange | undefined;
  /** Requests without a complete response. */
  unanswered: number;
  joinChunks: ReturnType<typeof createChunkJoiner>;
}

/**
 * Aborts a request whose body cannot be parsed any further. The reader of the body gets an error, so the app can still
 * respond.
 */
const abortBody = ({ incoming, outgoing }: Exchange, socket: Socket): void => {
  outgoing.shouldKeepAlive = false;
  outgoing.once('close', () => socket.destroySoon());
  if (incoming.complete) return;
  incoming.aborted = true;
  incoming.emit('aborted');
};

/**
 * Handles the requests of an HTTP/1.1 server, and limits what one connection may do.
 * @returns the response that a connection waits for, if there is one
 */
export const handleConnections = (
  server: Server,
  { onRequest, onCheckContinue }: Pick<NodeListener, 'onRequest'> & Partial<NodeListener>,
): ((socket: Socket) => ServerResponse | undefined) => {
  // A Map would keep finished exchanges in memory; see request-context.ts. Entries are changed rather than deleted, because
  // deletion makes the table shrink and grow again.
  const connections = new WeakMap<Socket, Connection>();
  const connectionOf = (socket: Socket): Connection => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const connection = { exchange: undefined, unanswered: 0, joinChunks: createChunkJoiner() };
    connections.set(socket, connection);
    return connection;
  };
  const tracked =
    (handle: NodeListener['onRequest']) =>
    (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      const { socket } = incoming;
      const connection = connectionOf(socket);
      if (connection.unanswered >= MAX_UNANSWERED) {
        // Requests without a response may be sent again on another connection (RFC 9112, 9.3.2).
        socket.destroy();
        return;
      }
      connection.joinChunks(incoming);
      const exchange = { incoming, outgoing };
      connection.exchange = exchange;
      connection.unanswered += 1;
      outgoing.once('close', () => {
        connection.unanswered -= 1;
        if (connection.exchange === exchange) connection.exchange = undefined;
        // When the server closes, Node closes only the connections that are idle then. Close the others when they
        // become idle.
        if (!server.listening) server.closeIdleConnections();
      });
      if (!server.listening) outgoing.shouldKeepAlive = false;
      handle(incoming, outgoing);
    };
  const onClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
    const exchange = connections.get(socket)?.exchange;
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else if (exchange !== undefined) abortBody(exchange, socket);
    else respondAndClose(rejectionOf(error), socket);
  };
  // Node would silently drop headers beyond its limit. The app counts them itself, and their total size is limited by Node.
  server.maxHeadersCount = 0;
  const onTracked = tracked(onRequest);
  server
    .on('request', onTracked)
    // Any other expectation may be ignored (RFC 9110, 10.1.1).
    .on('checkExpectation', onTracked)
    .on('connect', rejectConnect)
    .on('clientError', onClientError);
  if (onCheckContinue !== undefined) server.on('checkContinue', tracked(onCheckContinue));
  return (socket) => connections.get(socket)?.exchange?.outgoing;
};
