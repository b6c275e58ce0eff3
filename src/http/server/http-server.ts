import { createServer as createHttp1, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { MAX_HEADER_BYTES, MAX_HEADERS } from '../request/request-head.ts';
import { handleConnections, type HttpServerTimes, TIMES } from './connections.ts';
import type { NodeListener } from './node-listener.ts';
import { createChunkJoiner, handleOf } from './small-chunks.ts';

/**
 * The connection preface of HTTP/2 with prior knowledge (RFC 9113, 3.4). Cloud Run sends it if the service is deployed
 * with HTTP/2.
 */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * The HTTP/2 parser resets a stream that exceeds its limits, without a response. Its limits are therefore twice those
 * of the app, so that slightly too large headers still get a response.
 */
const RESET_FACTOR = 2;
const STREAM_WINDOW_BYTES = 262_144;
const SESSION_WINDOW_BYTES = 8_388_608;

interface Http1Server {
  server: Server;
  /**
   * Accepts no new connection, and no further request on these sockets. Calls `onStopped` once all connections are
   * closed.
   */
  stop(sockets: Iterable<Socket>, onStopped: () => void): void;
}

const createHttp1Server = (listener: NodeListener, { headersMs, idleMs }: HttpServerTimes): Http1Server => {
  const server = createHttp1({
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node would answer 400 without a body. The app answers with a problem document.
    requireHostHeader: false,
    headersTimeout: headersMs,
    // Node's limit for a whole request would cut off large files. Bodies have a minimum throughput instead.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(5_000, headersMs / 2),
  });
  const responseOf = handleConnections(server, listener);
  return {
    server,
    stop(sockets, onStopped) {
      server.close(onStopped);
      for (const socket of sockets) {
        const outgoing = responseOf(socket);
        if (outgoing !== undefined) outgoing.shouldKeepAlive = false;
      }
    },
  };
};

const createHttp2Server = ({ onRequest, onCheckContinue }: NodeListener, concurrentStreams: number): Http2Server =>
  createHttp2({
    // Node's default limits against rapid reset (CVE-2023-44487), set explicitly so that they cannot change. The header
    // limit stops CONTINUATION floods.
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
      // The bytes that a caller may send before they are read. The upload engine's buffer budget does not include them,
      // so they are few.
      initialWindowSize: STREAM_WINDOW_BYTES,
      enablePush: false,
    },
  })
    .on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(SESSION_WINDOW_BYTES);
      session.on('stream', createChunkJoiner(handleOf(session)));
    })
    .on('request', onRequest)
    .on('checkContinue', onCheckContinue);

/** Reads the first bytes of a connection, pushes them back, and reports whether they are the HTTP/2 preface. */
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
    const received = Buffer.concat(pieces);
    const length = Math.min(received.byteLength, PREFACE.byteLength);
    const same = received.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (same && length < PREFACE.byteLength) return;
    stop();
    socket.pause();
    socket.unshift(received);
    decide(same);
  };
  socket.on('data', onData).on('end', onEnd).on('close', stop);
};

export interface HttpServer {
  /** Starts listening; resolves with the port. */
  listen(port: number, host?: string): Promise<number>;
  /** Accepts no new connection, and closes idle ones; resolves when the last request is answered. */
  close(): Promise<void>;
  /** Destroys all connections that are still open. */
  destroy(): void;
}

/** Serves HTTP/1.1 and cleartext HTTP/2 ("h2c" with prior knowledge) on one port. */
export const createHttpServer = (
  listener: NodeListener,
  { concurrentStreams, times = TIMES }: { concurrentStreams: number; times?: HttpServerTimes },
): HttpServer => {
  const { server, stop } = createHttp1Server(listener, times);
  const http2 = createHttp2Server(listener, concurrentStreams);
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setTimeout(times.idleMs, () => session.close());
    session.on('close', () => sessions.delete(session));
  });

  // The HTTP/1 server listens, so that its connection timeouts work. Connections that are not HTTP/2 are passed on to
  // it.
  const acceptHttp1 = server.listeners('connection');
  server.removeAllListeners('connection').on('connection', (socket: Socket) => {
    sockets.add(socket);
    undecided.add(socket);
    socket
      .on('error', () => socket.destroy())
      .on('close', () => {
        sockets.delete(socket);
        undecided.delete(socket);
      });
    sniff(socket, times.headersMs, (isHttp2) => {
      undecided.delete(socket);
      // An HTTP/2 session reads the bytes that were pushed back. If the socket were resumed first, it would miss them.
      if (isHttp2) {
        // The HTTP/1 server sets allowHalfOpen. With it, an HTTP/2 session would not notice that its peer has
        // disconnected.
        socket.allowHalfOpen = false;
        http2.emit('connection', socket);
        return;
      }
      for (const accept of acceptHttp1) accept.call(server, socket);
      // Pushing bytes back also schedules their reading. If the socket were resumed before, and the reading pauses it, Node
      // would read on because of this call, and never pause it again.
      process.nextTick(() => socket.resume());
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
        for (const socket of undecided) socket.destroy();
        for (const session of sessions) session.close();
      }),
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
};
