import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { type RequestTarget, requestTarget } from '../text/urls/request-target.ts';

/** Whether a request has failed before there was a connection on which it could be sent. */
export const isUnsent = (error: unknown): boolean => {
  // Of a host with several addresses, each has failed.
  const failures: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const isBefore = (failure: unknown): boolean =>
    ['connect', 'getaddrinfo'].includes((failure as NodeJS.ErrnoException | undefined)?.syscall ?? '');
  return failures.length > 0 && failures.every(isBefore);
};

/** One attempt of a call. */
export interface Attempt {
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body: readonly Uint8Array[];
  signal?: AbortSignal | undefined;
  /** Milliseconds from the start to the end of the answer; for `open`, to its headers and then between two chunks. */
  timeoutMs: number;
}

export interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
}

export interface Http {
  send(attempt: Attempt): Promise<Answer & { body: Buffer }>;
  open(attempt: Attempt): Promise<Answer & { body: IncomingMessage }>;
  close(): void;
}

/** Google closes idle connections after some minutes. They are closed sooner here, so that few requests use a dead one. */
const IDLE_SOCKET_MS = 50_000;

/** The largest answer that is read into memory, in bytes. The largest of BigQuery and Google Sheets have some ten MiB. */
const MAX_ANSWER_BYTES = 134_217_728;
/** The same for an error answer, which has a few sentences. */
const MAX_ERROR_BYTES = 1_048_576;

/** The memory of a piece besides its bytes. An answer may come in pieces of one byte. */
const PIECE_BYTES = 200;

/** The error of an answer that is larger than any of Google; undefined if it is not. @param size of what has arrived */
const tooLong = (size: number, status: number | undefined): Error | undefined => {
  const most = (status ?? 0) >= 400 ? MAX_ERROR_BYTES : MAX_ANSWER_BYTES;
  return size > most ? new Error(`the answer has more than ${most} bytes`) : undefined;
};

/** Reads a body to its end. @throws if it has more bytes than any answer of Google */
export const readWhole = async (body: AsyncIterable<Uint8Array>, status: number): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.byteLength + PIECE_BYTES;
    const error = tooLong(size, status);
    if (error !== undefined) throw error;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

const answerOf = ({ statusCode, headers }: IncomingMessage): Answer => ({
  status: statusCode ?? 0,
  headers: headers as Record<string, string | undefined>,
});

const timeoutError = (timeoutMs: number): Error =>
  Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });

const sizeOf = (body: readonly Uint8Array[]): number => {
  let size = 0;
  for (const { byteLength } of body) size += byteLength;
  return size;
};

const write = (request: ClientRequest, body: readonly Uint8Array[]): void => {
  if (body.length > 1) request.cork();
  for (const piece of body) request.write(piece);
  if (body.length > 1) request.uncork();
  request.end();
};

/** Parses URLs. It keeps the last one, because nearly all calls of a busy service have the same URL. */
const createUrlParser = (): ((url: string) => RequestTarget) => {
  let last: { url: string; target: RequestTarget } | undefined;
  return (url) => {
    if (url !== last?.url) last = { url, target: requestTarget(new URL(url)) };
    return last.target;
  };
};

/** node:http and node:https with keep-alive, because they take the least CPU per call and need no Web streams. */
export const createHttp = (): Http => {
  const options = { keepAlive: true, timeout: IDLE_SOCKET_MS, scheduling: 'lifo' } as const;
  const plain = new Agent(options);
  const secure = new SecureAgent(options);
  const parse = createUrlParser();

  const start = ({ method, url, headers, body }: Attempt): ClientRequest => {
    const isSecure = url.startsWith('https:');
    const request = (isSecure ? requestHttps : requestHttp)({
      ...parse(url),
      method,
      agent: isSecure ? secure : plain,
      headers: method === 'GET' || method === 'HEAD' ? headers : { ...headers, 'content-length': String(sizeOf(body)) },
    });
    write(request, body);
    return request;
  };

  /** Calls back if the connection ends without an answer and without an error, as Node ends it after a 101. */
  const onUnanswered = (request: ClientRequest, callback: (error: Error) => void): void => {
    let isAnswered = false;
    request.once('response', () => {
      isAnswered = true;
    });
    request.once('close', () => {
      if (!isAnswered) callback(new Error('the connection ended without an answer'));
    });
  };

  /** Destroys the request when the signal aborts or the time limit is reached. @returns a function that removes the listeners */
  const watch = (request: ClientRequest, { signal, timeoutMs }: Attempt): (() => void) => {
    const onAbort = (): void => void request.destroy(signal?.reason instanceof Error ? signal.reason : undefined);
    const timer = setTimeout(() => request.destroy(timeoutError(timeoutMs)), timeoutMs);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    return () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  };

  return {
    send: (attempt) =>
      new Promise((resolve, reject) => {
        const request = start(attempt);
        const unwatch = watch(request, attempt);
        const fail = (error: Error): void => {
          unwatch();
          request.destroy();
          reject(error);
        };
        request.on('error', fail);
        onUnanswered(request, fail);
        request.on('response', (response) => {
          const pieces: Buffer[] = [];
          let size = 0;
          response.on('data', (piece: Buffer) => {
            size += piece.byteLength + PIECE_BYTES;
            pieces.push(piece);
            const error = tooLong(size, response.statusCode);
            if (error !== undefined) fail(error);
          });
          response.on('error', fail);
          response.on('end', () => {
            unwatch();
            // The answer came before the whole request was sent. Its body must not be read any longer, because the buffers are reused.
            if (!request.writableFinished) request.destroy();
            const body = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
            resolve({ ...answerOf(response), body });
          });
        });
      }),
    open: (attempt) =>
      new Promise((resolve, reject) => {
        const request = start(attempt);
        let unwatch = watch(request, attempt);
        const fail = (error: Error): void => {
          unwatch();
          reject(error);
        };
        request.on('error', fail);
        onUnanswered(request, fail);
        request.on('response', (response) => {
          unwatch();
          unwatch = watch(request, { ...attempt, timeoutMs: 2 ** 31 - 1 });
          response.setTimeout(attempt.timeoutMs, () => {
            // A full buffer means that the reader is slow, not Google.
            if (response.readableLength >= response.readableHighWaterMark) response.setTimeout(attempt.timeoutMs);
            else response.destroy(timeoutError(attempt.timeoutMs));
          });
          response.once('close', unwatch);
          resolve({ ...answerOf(response), body: response });
        });
      }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
};
