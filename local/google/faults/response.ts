import type { ServerResponse } from 'node:http';
import { durationOf, pause } from './pause.ts';
import { slicesOf } from './request.ts';

type Callback = (error?: Error | null) => void;

const bytesOf = (chunk: unknown, encoding: unknown): Buffer =>
  typeof chunk === 'string'
    ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
    : Buffer.from(chunk as Uint8Array);

/** Replaces `write` and `end` by one function of the bytes and one for the end. */
function divert(response: ServerResponse, take: (bytes: Buffer) => boolean, ended: () => void): void {
  response.write = ((chunk: unknown, encoding?: unknown, done?: Callback) => {
    const callback = typeof encoding === 'function' ? (encoding as Callback) : done;
    const result = take(bytesOf(chunk, encoding));
    callback?.();
    return result;
  }) as ServerResponse['write'];
  response.end = ((chunk?: unknown, encoding?: unknown) => {
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') take(bytesOf(chunk, encoding));
    ended();
    return response;
  }) as ServerResponse['end'];
}

/** The service answers, but the answer is not sent. */
export function loseAnswer(response: ServerResponse): void {
  response.writeHead = (() => response) as ServerResponse['writeHead'];
  divert(
    response,
    () => true,
    () => response.socket?.destroy(),
  );
}

/** Breaks the connection within the answer's body. */
export function cutAnswer(response: ServerResponse, afterBytes: number): void {
  const write = response.write.bind(response);
  let left = afterBytes;
  const breakOff = (): void => void response.socket?.destroy();
  divert(
    response,
    (bytes) => {
      const allowed = bytes.subarray(0, left);
      left -= allowed.length;
      if (left > 0) return write(allowed);
      if (allowed.length > 0) write(allowed, breakOff);
      else breakOff();
      return true;
    },
    breakOff,
  );
}

/** Sends the answer's body at a steady rate. */
export function slowAnswer(response: ServerResponse, bytesPerSecond: number): void {
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  let chain = Promise.resolve();
  let waiting = 0;
  divert(
    response,
    (bytes) => {
      waiting += bytes.length;
      chain = chain.then(async () => {
        for (const slice of slicesOf(bytes)) {
          await pause(durationOf(slice.length, bytesPerSecond));
          if (!response.destroyed) write(slice);
        }
        waiting -= bytes.length;
        if (waiting === 0) response.emit('drain');
      });
      return false;
    },
    () => {
      chain = chain.then(() => void end());
    },
  );
}
