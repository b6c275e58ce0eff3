import { once } from 'node:events';
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { types } from 'node:util';
import { requestTarget } from '../../text/urls/request-target.ts';
import { isUrl } from '../realms.ts';
import { ProxyError, proxyAgent, proxyFor, proxyName } from './proxy.ts';
import { systemErrorText } from './system-errors.ts';
import { timeoutError, timeoutIn } from './timeout.ts';

interface HttpRequest {
  method: string;
  url: string | URL;
  headers?: Record<string, string>;
  /** Streamed with back-pressure. Set `content-length` in the headers if the length is known. */
  body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  signal?: AbortSignal | undefined;
  /** Ends the exchange if no byte moves in either direction for this many milliseconds. */
  idleMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Sends one request and reads the whole answer. */
export type Exchange = (request: HttpRequest) => Promise<HttpAnswer>;

/** Why an exchange has no answer, in a few words for a person. */
export const networkErrorText = (error: unknown): string =>
  (error instanceof ProxyError ? error.message : undefined) ??
  timeoutIn(error) ??
  systemErrorText(error) ??
  'No response';

/** The courier may have to wait for Drive before it answers. */
const DEFAULT_IDLE_MS = 600_000;
/** Answers are small JSON documents. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** With events, which cost less than the iterator of a stream. Answers to small files are many. */
const readText = (
  response: IncomingMessage,
  resolve: (answer: HttpAnswer) => void,
  reject: (error: unknown) => void,
): void => {
  const parts: Buffer[] = [];
  let length = 0;
  response.on('data', (part: Buffer) => {
    length += part.length;
    if (length > MAX_ANSWER_BYTES) response.destroy(new Error(`the response is longer than ${MAX_ANSWER_BYTES} bytes`));
    else parts.push(part);
  });
  response.on('end', () => {
    const { statusCode: status = 0, headers } = response;
    resolve({ status, headers, text: Buffer.concat(parts).toString('utf8') });
  });
  response.on('error', reject);
  response.on('close', () => reject(new Error('the response is incomplete')));
};

const ANSWERED = Symbol('answered');

/** Resolves when the answer begins, or cannot come any more. */
const answeredBy = (request: ClientRequest): Promise<typeof ANSWERED> =>
  new Promise((resolve) => {
    request.once('response', () => resolve(ANSWERED));
    request.once('close', () => resolve(ANSWERED));
  });

/** Writes the body until its end, or until the server answers: after an early rejection the rest is pointless. */
const writeBody = async (
  request: ClientRequest,
  body: AsyncIterable<Uint8Array>,
  answered: Promise<typeof ANSWERED>,
): Promise<void> => {
  const parts = body[Symbol.asyncIterator]();
  for (;;) {
    const part = await Promise.race([parts.next(), answered]);
    if (part === ANSWERED) {
      // Not awaited: a source that waits for its next bytes would only end after they arrive.
      parts.return?.().catch(() => undefined);
      return;
    }
    if (part.done) {
      request.end();
      return;
    }
    if (!request.write(part.value)) await Promise.race([once(request, 'drain').catch(() => undefined), answered]);
  }
};

/** Rejects when the proxy cannot be reached, or refuses to connect to the server. */
const watchProxy = (request: ClientRequest, proxy: URL): Promise<never> => {
  let isConnected = false;
  return new Promise((_, reject) => {
    request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
      isConnected = statusCode === 200;
      if (!isConnected) reject(new ProxyError(`${proxyName(proxy)} answered HTTP ${statusCode}`, statusCode >= 500));
    });
    request.once('error', (error) => {
      if (isConnected) return;
      const reason = timeoutIn(error) ?? systemErrorText(error) ?? error.message;
      reject(new ProxyError(`${proxyName(proxy)}: ${reason}`, true, error));
    });
  });
};

/** The whole answer. Errors of the request after the answer has begun (an unread body, a closed connection) are ignored. */
const answerTo = (request: ClientRequest, idleMs: number): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    let hasBegun = false;
    request.once('response', (response) => {
      hasBegun = true;
      readText(response, resolve, reject);
    });
    request.on('error', (error) => {
      if (!hasBegun) reject(error);
    });
    // After a switch to another protocol, which no request asks for, there is neither a response nor an error.
    request.once('close', () => {
      if (!hasBegun) reject(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    });
    request.once('timeout', () => request.destroy(timeoutError(`no data moved for ${idleMs / 1000} seconds`)));
  });

/**
 * Arrays, because a Set would keep finished requests in memory. A hash table that it has replaced still refers to later ones.
 * After one of them has moved to V8's old generation, all later requests follow, and stay until the next full collection.
 */
const openRequests = new WeakMap<AbortSignal, ClientRequest[]>();

/** Ends requests by one listener for each signal. Node's own option adds and removes several for each request. */
const endOnAbort = (request: ClientRequest, signal: AbortSignal): void => {
  let requests = openRequests.get(signal);
  if (requests === undefined) {
    const added: ClientRequest[] = [];
    signal.addEventListener(
      'abort',
      () => {
        for (const each of [...added]) each.destroy();
      },
      { once: true },
    );
    openRequests.set(signal, added);
    requests = added;
  }
  const open = requests;
  open.push(request);
  request.once('close', () => {
    const last = open.pop();
    if (last !== undefined && last !== request) open[open.indexOf(request)] = last;
  });
  if (signal.aborted) request.destroy();
};

const clientFor = ({ protocol }: URL) => (protocol === 'https:' ? https : http);

/** The options of a request for Node's HTTP client. */
const optionsOf = (target: URL, { method, headers = {}, body, idleMs = DEFAULT_IDLE_MS }: HttpRequest) => {
  const length: Record<string, number> = types.isUint8Array(body) ? { 'content-length': body.byteLength } : {};
  return {
    ...requestTarget(target),
    method,
    headers: { ...length, ...headers },
    // Also covers the time until the connection is established.
    timeout: idleMs,
  };
};

/** The answer to a request that goes through a proxy. */
const answerThrough = (
  request: ClientRequest,
  proxy: NonNullable<ReturnType<typeof proxyFor>>,
  idleMs: number,
): Promise<HttpAnswer> => {
  // Listens first, so that its error wins over the plain one of the socket.
  const proxyFailure = watchProxy(request, proxy);
  return Promise.race([proxyFailure, answerTo(request, idleMs)]);
};

/** Sends the body of a request, until there is an answer. */
const sendBody = async (request: ClientRequest, body: HttpRequest['body'], answer: Promise<unknown>): Promise<void> => {
  if (body === undefined || types.isUint8Array(body)) {
    request.end(body);
    return;
  }
  // The body's own error wins.
  answer.catch(() => undefined);
  await writeBody(request, body, answeredBy(request));
};

/**
 * HTTP by Node's own client, through the proxy that the environment names. Not `fetch`, which loses an answer that arrives
 * while the body is still being sent.
 * @param env the environment with `HTTPS_PROXY` and `NO_PROXY`
 * @returns an exchange that throws the socket's error, the signal's reason, or the body's own error
 */
export const createExchange =
  (env: Readonly<Record<string, string | undefined>>): Exchange =>
  async (asked) => {
    const { url, body, signal, idleMs = DEFAULT_IDLE_MS } = asked;
    signal?.throwIfAborted();
    const target = isUrl(url) ? url : new URL(url);
    const proxy = proxyFor(env, target);
    const options = { ...optionsOf(target, asked), agent: proxy && (await proxyAgent(proxy)) };
    const request = clientFor(target).request(options);
    if (signal !== undefined) endOnAbort(request, signal);
    const answer = proxy === undefined ? answerTo(request, idleMs) : answerThrough(request, proxy, idleMs);
    try {
      await sendBody(request, body, answer);
      return await answer;
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      // A connection with an incomplete body cannot be used again.
      if (!request.writableEnded) request.destroy();
    }
  };
