import { once } from 'node:events';
import http, { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { timeUp, timeUpIn } from './time-up.ts';

interface HttpRequest {
  method: string;
  url: string | URL;
  headers?: Record<string, string>;
  /** Sent as it comes, with back-pressure; give `content-length` in the headers when it is known. */
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  signal?: AbortSignal | undefined;
  /** Ends the exchange when nothing moves in either direction for so long. */
  idleMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** What became of an exchange that has no answer, in a word or two for a person. */
export const faultOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return timeUpIn(error) ?? code ?? 'no answer';
};

/** How the client speaks HTTP; `exchange` unless a test puts something in between. */
export type Exchange = (request: HttpRequest) => Promise<HttpAnswer>;

/** The courier may have to wait for Drive before it answers. */
const IDLE_MS = 600_000;
/** Answers are small JSON documents; what is longer is none of the courier's. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

const readText = async (response: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LONGEST_ANSWER) throw new Error('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
};

const OVER = Symbol('over');

/** Writes the body until its end, or until the exchange is decided: an early refusal makes the rest pointless, however slowly it comes. */
const pump = async (
  request: ClientRequest,
  body: AsyncIterable<Uint8Array>,
  decided: Promise<typeof OVER>,
): Promise<void> => {
  const parts = body[Symbol.asyncIterator]();
  for (;;) {
    const part = await Promise.race([parts.next(), decided]);
    if (part === OVER) {
      // Not awaited: a source that is waiting for its next bytes would only end after them.
      parts.return?.().catch(() => undefined);
      return;
    }
    if (part.done) {
      request.end();
      return;
    }
    if (!request.write(part.value)) await Promise.race([once(request, 'drain').catch(() => undefined), decided]);
  }
};

/**
 * One request and its answer. Not `fetch`: an answer that comes while the body still goes out is read rather than lost.
 * @throws the socket's error, the signal's reason, or the body's own error
 */
export const exchange: Exchange = async ({ method, url, headers = {}, body, signal, idleMs = IDLE_MS }) => {
  signal?.throwIfAborted();
  const target = new URL(url);
  const length: Record<string, number> = body instanceof Uint8Array ? { 'content-length': body.byteLength } : {};
  const request = (target.protocol === 'https:' ? https : http).request(target, {
    method,
    headers: { ...length, ...headers },
    timeout: idleMs,
    ...(signal === undefined ? {} : { signal }),
  });
  // Given with the options it counts while the connection is made, too.
  request.once('timeout', () => request.destroy(timeUp(`nothing moved for ${idleMs / 1000} seconds`)));
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    // Errors after the answer (the server hung up on the unread rest of the body) are of no interest.
    request.on('error', reject);
  });
  const decided = answered.then(
    () => OVER,
    () => OVER,
  ) as Promise<typeof OVER>;
  try {
    if (body === undefined || body instanceof Uint8Array) request.end(body);
    else await pump(request, body, decided);
    const response = await answered;
    const text = await readText(response);
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    // A connection with half a body in it is of no further use.
    if (!request.writableEnded) request.destroy();
  }
};
