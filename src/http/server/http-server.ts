import { createServer as createHttp1, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CourierError } from '../../errors.ts';
import type { NodeListener } from './node-listener.ts';
import { problemOf } from '../problem.ts';
import { PERCENT_ENCODE } from '../request/query.ts';
import { HEADERS_TOO_LARGE, headersTooLarge, MAX_HEADER_BYTES, MAX_HEADERS } from '../request/request-head.ts';
import { readTrace } from '../observe/trace.ts';

/** RFC 9113, 3.4: what a client that knows begins HTTP/2 with. Cloud Run does, when the service is deployed with HTTP/2. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export interface HttpServerTimes {
  /** For the first bytes of a connection, and for a request's headers. */
  headersMs: number;
  /** An HTTP/1 connection without a request. Google's front ends keep theirs for 10 minutes, and must not meet a closed one. */
  idleMs: number;
}

const TIMES: HttpServerTimes = { headersMs: 15_000, idleMs: 620_000 };

/**
 * HTTP/2's parser resets a stream past its limits without a word, so they are twice what the app takes: what is somewhat too
 * large is answered, and only what is far too large is reset.
 */
const RESET_FACTOR = 2;
const STREAM_WINDOW_BYTES = 262_144;
const SESSION_WINDOW_BYTES = 8_388_608;

interface Refusal {
  error: CourierError;
  /** With its reason phrase. */
  statusLine: string;
  status: number;
}

const badRequest = (detail: string, remedy?: string): Refusal => ({
  error: new CourierError('request-invalid', { detail, remedy }),
  statusLine: '400 Bad Request',
  status: 400,
});

const refusalOf = ({ code }: NodeJS.ErrnoException): Refusal => {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const statusLine = `${HEADERS_TOO_LARGE} Request Header Fields Too Large`;
    return { error: headersTooLarge(), statusLine, status: HEADERS_TOO_LARGE };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return badRequest('The headers did not arrive in time.');
  return badRequest('The request cannot be parsed as HTTP/1.1.', `Check the URL and the headers. ${PERCENT_ENCODE}`);
};

/** Answers what never became a request of the app. The connection is over: whatever follows on it has no beginning. */
const refuse = ({ error, statusLine, status }: Refusal, socket: Duplex): void => {
  const problem = { ...problemOf(error, readTrace(new Headers()).requestId), status };
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${statusLine}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${problem.requestId}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
};

/** A request for a tunnel, which Node would end without an answer. */
const refuseTunnel = (_: IncomingMessage, socket: Duplex): void => {
  const error = new CourierError('method-not-allowed', { detail: 'CONNECT is not taken here.' });
  refuse({ error, statusLine: '405 Method Not Allowed\r\nAllow: GET, HEAD, POST, OPTIONS', status: 405 }, socket);
};

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

/** A request whose body cannot be read any further, while its answer still can be sent: its reader is told, and answers. */
const cutShort = ({ incoming, outgoing }: Exchange, socket: Socket): void => {
  outgoing.shouldKeepAlive = false;
  outgoing.once('close', () => socket.destroySoon());
  if (incoming.complete) return;
  incoming.aborted = true;
  incoming.emit('aborted');
};

interface Http1Server {
  server: Server;
  /** Takes no new connection, and no further request on these; `onStopped` when all are gone. */
  stop(sockets: Iterable<Socket>, onStopped: () => void): void;
}

const createHttp1Server = (listener: NodeListener, { headersMs, idleMs }: HttpServerTimes): Http1Server => {
  // Not a Map, whose outgrown tables would take the exchanges of others with them to the old generation (cut-off.ts); nor
  // is anything deleted, which would make it shrink and grow again.
  const exchanges = new WeakMap<Socket, Exchange | undefined>();
  const noted =
    (handle: NodeListener['onRequest']) =>
    (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      const { socket } = incoming;
      const exchange = { incoming, outgoing };
      exchanges.set(socket, exchange);
      outgoing.once('close', () => {
        if (exchanges.get(socket) === exchange) exchanges.set(socket, undefined);
        // Node lets the idle go when it closes; those that were busy then go when they are done.
        if (!server.listening) server.closeIdleConnections();
      });
      if (!server.listening) outgoing.shouldKeepAlive = false;
      handle(incoming, outgoing);
    };
  const onRequest = noted(listener.onRequest);
  const onClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
    const exchange = exchanges.get(socket);
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else if (exchange !== undefined) cutShort(exchange, socket);
    else refuse(refusalOf(error), socket);
  };
  const server = createHttp1(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      // Node would answer 400 without a body; the app says what is missing.
      requireHostHeader: false,
      headersTimeout: headersMs,
      // Node's own limit for a whole request would cut off large files; bodies are watched by their progress.
      requestTimeout: 0,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(5_000, headersMs / 2),
    },
    onRequest,
  );
  // Past a count Node would leave headers out without a word; the app counts them itself, and their bytes are bounded.
  server.maxHeadersCount = 0;
  server
    .on('checkContinue', noted(listener.onCheckContinue))
    // Any other expectation may be passed over (RFC 9110, 10.1.1).
    .on('checkExpectation', onRequest)
    .on('connect', refuseTunnel)
    .on('clientError', onClientError);
  return {
    server,
    stop(sockets, onStopped) {
      server.close(onStopped);
      for (const socket of sockets) {
        const outgoing = exchanges.get(socket)?.outgoing;
        if (outgoing !== undefined) outgoing.shouldKeepAlive = false;
      }
    },
  };
};

const createHttp2Server = ({ onRequest, onCheckContinue }: NodeListener, concurrentStreams: number): Http2Server =>
  createHttp2({
    // Node's own limits against rapid reset (CVE-2023-44487), said here so that they stay; CONTINUATION floods end at the header limit.
    streamResetBurst: 1_000,
    streamResetRate: 33,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxHeaderListPairs: RESET_FACTOR * MAX_HEADERS,
    maxSettings: 16,
    maxOutstandingPings: 4,
    settings: {
      maxConcurrentStreams: concurrentStreams,
      maxHeaderListSize: RESET_FACTOR * MAX_HEADER_BYTES,
      // What a stream may have on its way before its reader has taken it; beyond the budget of the upload engine, so it stays small.
      initialWindowSize: STREAM_WINDOW_BYTES,
      enablePush: false,
    },
  })
    .on('session', (session: ServerHttp2Session) => session.setLocalWindowSize(SESSION_WINDOW_BYTES))
    .on('request', onRequest)
    .on('checkContinue', onCheckContinue);

/** Reads the first bytes of a connection, gives them back, and says whether they are HTTP/2's. */
const sniff = (socket: Socket, timeoutMs: number, decide: (isHttp2: boolean) => void): void => {
  const pieces: Buffer[] = [];
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('end', onEnd).off('close', stop);
  };
  const onEnd = (): void => void socket.destroy();
  const onData = (piece: Buffer): void => {
    pieces.push(piece);
    const begun = Buffer.concat(pieces);
    const length = Math.min(begun.byteLength, PREFACE.byteLength);
    const same = begun.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (same && length < PREFACE.byteLength) return;
    stop();
    socket.pause();
    socket.unshift(begun);
    decide(same);
  };
  socket.on('data', onData).on('end', onEnd).on('close', stop);
};

export interface HttpServer {
  /** Starts to listen, and answers the port. */
  listen(port: number, host?: string): Promise<number>;
  /** Takes no new connection, and lets those that idle go; resolves when the last request is answered. */
  close(): Promise<void>;
  /** Cuts whatever is still open. */
  destroy(): void;
}

/** HTTP/1.1 and HTTP/2 in clear text ("h2c" with prior knowledge) on one port. */
export const createHttpServer = (
  listener: NodeListener,
  { concurrentStreams, times = TIMES }: { concurrentStreams: number; times?: HttpServerTimes },
): HttpServer => {
  const { server, stop } = createHttp1Server(listener, times);
  const http2 = createHttp2Server(listener, concurrentStreams);
  const sockets = new Set<Socket>();
  const silent = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setTimeout(times.idleMs, () => session.close());
    session.on('close', () => sessions.delete(session));
  });

  // The HTTP/1 server is the one that listens, so that its own watch over connections runs; it gets what is not HTTP/2.
  const acceptHttp1 = server.listeners('connection');
  server.removeAllListeners('connection').on('connection', (socket: Socket) => {
    sockets.add(socket);
    silent.add(socket);
    socket
      .on('error', () => socket.destroy())
      .on('close', () => {
        sockets.delete(socket);
        silent.delete(socket);
      });
    sniff(socket, times.headersMs, (isHttp2) => {
      silent.delete(socket);
      // An HTTP/2 session takes the bytes that were given back by itself; if they flowed, it would miss them.
      if (isHttp2) {
        // A server of HTTP/1 leaves its half of a connection open; a session would never learn that its peer is gone.
        socket.allowHalfOpen = false;
        http2.emit('connection', socket);
        return;
      }
      for (const accept of acceptHttp1) accept.call(server, socket);
      socket.resume();
    });
  });

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
      }),
    close: () =>
      new Promise((resolve) => {
        stop(sockets, resolve);
        for (const socket of silent) socket.destroy();
        for (const session of sessions) session.close();
      }),
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
};
