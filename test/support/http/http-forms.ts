import { once } from 'node:events';
import { request as http1Request, type IncomingHttpHeaders, type OutgoingHttpHeaders, type Server } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { http as registerFunction } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { createApp } from '../../../src/http/app.ts';
import type { HttpDependencies } from '../../../src/http/dependencies.ts';
import type { MinThroughput } from '../../../src/http/request/incoming-request.ts';
import { keepRequests, limitConnections } from '../../../src/http/server/functions-framework.ts';
import type { HttpServerTimes } from '../../../src/http/server/connections.ts';
import { createHttpServer } from '../../../src/http/server/http-server.ts';
import { createNodeListener, type NodeListener } from '../../../src/http/server/node-listener.ts';
import { createEntryServices } from './http-services.ts';

/**
 * The variants in which the courier serves HTTP: its own server over HTTP/1.1 and cleartext HTTP/2, and
 * functions-framework, with bodies left to the function or read before it.
 */
export const FORMS = ['HTTP/1.1', 'h2c', 'function', 'function with whole bodies'] as const;
export type Form = (typeof FORMS)[number];

/** The variants that stream bodies. */
export const STREAMING_FORMS = ['HTTP/1.1', 'h2c', 'function'] as const satisfies Form[];

export interface Call {
  /** POST by default. */
  method?: string;
  /** The request target as sent. */
  target?: string;
  /** In addition to `authorization: Bearer good`, which an undefined value removes. */
  headers?: OutgoingHttpHeaders;
  /** Bytes with their length, or pieces without one. */
  body?: string | Uint8Array | readonly (string | Uint8Array)[];
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: Record<string, unknown>;
}

export interface Entry {
  form: Form;
  port: number;
  services: ReturnType<typeof createEntryServices>;
  send(call: Call): Promise<Answer>;
  /** Accepts no new requests. Resolves when those in progress are answered. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

interface EntryOptions {
  services?: Partial<HttpDependencies>;
  minThroughput?: MinThroughput;
  times?: HttpServerTimes;
  /** The maximum of concurrent HTTP/2 streams of one connection. */
  concurrentStreams?: number;
  lifecycle?: Parameters<typeof createNodeListener>[1];
  /** Observes every request and response of the courier's own server. */
  watch?: NodeListener['onRequest'];
}

const parse = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
};

const isWhole = (body: Call['body']): body is string | Uint8Array =>
  typeof body === 'string' || body instanceof Uint8Array;

const headersOf = ({ headers = {}, body }: Call): OutgoingHttpHeaders => {
  const all: OutgoingHttpHeaders = {
    authorization: 'Bearer good',
    ...(isWhole(body) ? { 'content-length': Buffer.byteLength(body) } : {}),
    ...headers,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};

const piecesOf = ({ body = [] }: Call): readonly (string | Uint8Array)[] => (isWhole(body) ? [body] : body);

const sendHttp1 = (port: number, call: Call): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'POST', target = '/', body } = call;
    const request = http1Request({
      port,
      host: '127.0.0.1',
      method,
      path: target,
      agent: false,
      headers: {
        ...headersOf(call),
        ...(body === undefined || isWhole(body) ? {} : { 'transfer-encoding': 'chunked' }),
      },
    });
    request.on('error', reject).on('response', (response) => {
      const pieces: Buffer[] = [];
      response
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('end', () => {
          const text = Buffer.concat(pieces).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
          request.destroy();
        })
        .on('error', reject);
    });
    for (const piece of piecesOf(call)) request.write(piece);
    request.end();
  });

const sendHttp2 = (port: number, call: Call): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'POST', target = '/', body } = call;
    const session = http2Connect(`http://127.0.0.1:${port}`).on('error', reject);
    const stream = session.request(
      { ':method': method, ':path': target, ...headersOf(call) },
      { endStream: body === undefined },
    );
    let answer: Pick<Answer, 'status' | 'headers'> = { status: 0, headers: {} };
    const pieces: Buffer[] = [];
    stream
      .on('response', (headers) => {
        answer = { status: Number(headers[':status']), headers };
      })
      .on('data', (piece: Buffer) => pieces.push(piece))
      .on('error', reject)
      .on('end', () => {
        const text = Buffer.concat(pieces).toString();
        resolve({ ...answer, text, json: parse(text) });
        session.destroy();
      })
      .on('close', () => reject(new Error('the stream closed without an answer')));
    if (body === undefined) return;
    for (const piece of piecesOf(call)) stream.write(piece);
    stream.end();
  });

let functions = 0;

/** functions-framework's own server around the listener, as `npm run start:function` starts it. */
const startFunction = async ({ onRequest }: NodeListener, whole: boolean, times: HttpServerTimes | undefined) => {
  functions += 1;
  const name = `courier-${functions}`;
  registerFunction(name, onRequest);
  const forget = whole ? () => undefined : keepRequests();
  const server: Server = getTestServer(name);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  limitConnections(server, times);
  const stop = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return {
    port: (server.address() as AddressInfo).port,
    stop,
    async close() {
      const closed = stop();
      server.closeAllConnections();
      await closed;
      forget();
    },
  };
};

const startServer = async (listener: NodeListener, { times, concurrentStreams = 100, watch }: EntryOptions) => {
  const watched: NodeListener = {
    onRequest(incoming, outgoing) {
      watch?.(incoming, outgoing);
      listener.onRequest(incoming, outgoing);
    },
    onCheckContinue(incoming, outgoing) {
      watch?.(incoming, outgoing);
      listener.onCheckContinue(incoming, outgoing);
    },
  };
  const server = createHttpServer(watched, { concurrentStreams, ...(times === undefined ? {} : { times }) });
  return {
    port: await server.listen(0, '127.0.0.1'),
    stop: server.close,
    async close() {
      const closed = server.close();
      server.destroy();
      await closed;
    },
  };
};

/** Starts the app in one of its variants, on a free port of loopback. */
export const startEntry = async (form: Form, options: EntryOptions = {}): Promise<Entry> => {
  const services = createEntryServices(options.services);
  const app = createApp(services, options.minThroughput === undefined ? {} : { minThroughput: options.minThroughput });
  const listener = createNodeListener(app, options.lifecycle);
  const isFunction = form === 'function' || form === 'function with whole bodies';
  const started = isFunction
    ? await startFunction(listener, form !== 'function', options.times)
    : await startServer(listener, options);
  const send = form === 'h2c' ? sendHttp2 : sendHttp1;
  return { ...started, form, services, send: (call) => send(started.port, call) };
};

/** Starts entries, of which a test closes the last one. */
export const createEntryStarter = () => {
  let entry: Entry | undefined;
  return {
    async started(...options: Parameters<typeof startEntry>): Promise<Entry> {
      entry = await startEntry(...options);
      return entry;
    },
    async close(): Promise<void> {
      await entry?.close();
      entry = undefined;
    },
  };
};
