import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { turn } from '../../turns.ts';

/** Larger chunks are passed on as they are. Nearly all chunks of a large body are: Node reads 64 KiB at once, frames have 16 KiB. */
const SMALL_BYTES = 4_096;
/** With more small chunks in one turn of the event loop, nothing more is read from the connection in this turn. */
const MAX_SMALL = 500;

/** The handle of a socket. Node has no public method that stops reading from the socket of an HTTP/2 session. */
interface Handle {
  readStart(): void;
  readStop(): void;
}

/** The handle of the connection on which a session receives its frames. */
export const handleOf = ({ socket }: Http2Session): Handle | undefined =>
  (socket as Socket & { _handle?: Handle | null })._handle ?? undefined;

/**
 * Joins the small chunks of the bodies on a connection. A chunk takes as long to process as a large one, and in 64 KiB, which Node
 * reads at once and up to 32 times in one turn of the event loop, there are 10,922 chunks of one byte, or 6,553 DATA frames.
 * @param handle to stop reading. In HTTP/1, Node itself stops while `push` returns false.
 * @returns a function that joins the small chunks of a body from now on
 */
export const createChunkJoiner = (handle?: Handle): ((body: Readable) => void) => {
  const waiting = new Set<() => void>();
  let small = 0;
  let timer: NodeJS.Immediate | undefined;
  const isFlood = (): boolean => small >= MAX_SMALL;
  const endTurn = (): void => {
    if (isFlood()) handle?.readStart();
    small = 0;
    for (const flush of waiting) flush();
  };
  const count = (): void => {
    if (small === 0) timer = setImmediate(endTurn);
    small += 1;
    if (small !== MAX_SMALL) return;
    clearImmediate(timer);
    handle?.readStop();
    void turn().then(endTurn);
  };

  return (body) => {
    const { push } = body;
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    const flush = (): void => {
      waiting.delete(flush);
      const [first] = pieces;
      if (first === undefined) return;
      const joined = pieces.length === 1 ? first : Buffer.concat(pieces);
      pieces = [];
      bytes = 0;
      push.call(body, joined);
    };
    body.push = (chunk: Uint8Array | null) => {
      const isSmall = chunk !== null && chunk.byteLength < SMALL_BYTES;
      // Passing on a chunk would make Node go on reading in this turn.
      if (chunk === null || (!isSmall && !isFlood())) {
        flush();
        return push.call(body, chunk);
      }
      if (isSmall) count();
      pieces.push(chunk);
      bytes += chunk.byteLength;
      waiting.add(flush);
      return !isFlood() && body.readableLength + bytes < body.readableHighWaterMark;
    };
  };
};
