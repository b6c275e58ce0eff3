import type { IncomingMessage } from 'node:http';

/**
 * Passes on a request body in chunks as they arrive. Bytes that arrive before the connection breaks are not lost in a
 * buffer.
 * @param take returns a promise to wait for before the next chunk, or undefined
 * @returns false when the connection broke before the end
 */
export function forEachChunk(
  request: IncomingMessage,
  take: (piece: Buffer) => Promise<void> | undefined,
): Promise<boolean> {
  if (request.destroyed && !request.readableEnded) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    const ended = (whole: boolean) => (): void => resolve(whole);
    request.on('data', (piece: Buffer) => {
      const busy = take(piece);
      if (busy === undefined) return;
      request.pause();
      busy.then(() => request.resume(), reject);
    });
    request.once('end', ended(true));
    request.once('error', ended(false));
    request.once('close', ended(false));
    request.resume();
  });
}

/** Reads a body to its end and discards it. A client that is still sending could otherwise miss the answer. */
export async function drain(request: IncomingMessage): Promise<void> {
  if (!request.readableEnded) await forEachChunk(request, () => undefined);
}
