import type { IncomingMessage } from 'node:http';

/**
 * Hands over a body piece by piece, as it comes: bytes that arrived before a connection broke are not lost in a queue.
 * @param take answers what to wait for before the next piece
 * @returns false when the connection broke first
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

/** Reads to the end and keeps nothing, so that the answer reaches whoever is still sending. */
export async function drain(request: IncomingMessage): Promise<void> {
  if (!request.readableEnded) await forEachChunk(request, () => undefined);
}
