import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach } from '@jest/globals';
import { createTransport } from '../../../src/google/create-transport.ts';
import type { GoogleRequest } from '../../../src/google/transport.ts';
import type { Log } from '../../../src/log.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse, turn: number) => void;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const LOG: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => LOG };

/** A server in place of all Google services, and a transport that records its waits instead of waiting. */
export const startTransport = async (handler: Handler) => {
  const seen: { method: string; url: string; socket: Socket; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url = '', socket } = request;
    const turn = seen.push({ method, url, socket, body: '' });
    const note = seen[turn - 1];
    if (note !== undefined && !request.headers['x-unread']) note.body = await text(request);
    handler(request, response, turn);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const waits: number[] = [];
  let nowMs = Date.now();
  const transport = createTransport({
    googleOrigin: origin,
    now: () => nowMs,
    random: () => 0.5,
    sleep: async (milliseconds, signal) => {
      waits.push(milliseconds);
      nowMs += milliseconds;
      signal?.throwIfAborted();
    },
    log: LOG,
  });
  closers.push(transport.close, () => {
    server.closeAllConnections();
    server.close();
  });
  return { origin, seen, waits, transport, now: () => nowMs };
};

export const GET: GoogleRequest = {
  operation: 'drive.about.get',
  method: 'GET',
  url: 'https://www.googleapis.com/drive/v3/about?fields=user',
  retry: 'idempotent',
};
