import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
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

/** The member of a body that has its chunks which wait to be passed on. */
const WAITING = Symbol('waiting');

type Body = Readable & { [WAITING]: { pieces: Uint8Array[]; bytes: number } };

const { push } = Readable.prototype;

/** Passes on the chunks that wait. */
const flush = (body: Body): void => {
  const { pieces } = body[WAITING];
  const [first] = pieces;
  if (first === undefined) return;
  body[WAITING] = { pieces: [], bytes: 0 };
  push.call(body, pieces.length === 1 ? first : Buffer.concat(pieces));
};

/**
 * Joins the small chunks of the bodies on a connection. A chunk takes as long to process as a large one, and in 64 KiB, which Node
 * reads at once and up to 32 times in one turn of the event loop, there are 10,922 chunks of one byte, or 6,553 DATA frames.
 * @param handle to stop reading. In HTTP/1, Node itself stops while `push` returns false.
 * @returns a function that joins the small chunks of a body from now on
 */
export const createChunkJoiner = (handle?: Handle): ((body: Readable) => void) => {
  // An array, because a Set would keep finished bodies in memory; see request-context.ts.
  let waiting: Body[] = [];
  let small = 0;
  let timer: NodeJS.Immediate | undefined;
  const isFlood = (): boolean => small >= MAX_SMALL;
  const endTurn = (): void => {
    if (isFlood()) handle?.readStart();
    small = 0;
    const bodies = waiting;
    waiting = [];
    for (const body of bodies) flush(body);
  };
  const count = (): void => {
    if (small === 0) timer = setImmediate(endTurn);
    small += 1;
    if (small !== MAX_SMALL) return;
    clearImmediate(timer);
    handle?.readStop();
    void turn().then(endTurn);
  };

  // One function for all bodies: V8 keeps requests with a function of their own in memory until its next full collection.
  const joinedPush = function (this: Body, chunk: Uint8Array | null): boolean {
    const isSmall = chunk !== null && chunk.byteLength < SMALL_BYTES;
    // Passing on a chunk would make Node go on reading in this turn.
    if (chunk === null || (!isSmall && !isFlood())) {
      flush(this);
      return push.call(this, chunk);
    }
    if (isSmall) count();
    const own = this[WAITING];
    if (own.pieces.length === 0) waiting.push(this);
    own.pieces.push(chunk);
    own.bytes += chunk.byteLength;
    return !isFlood() && this.readableLength + own.bytes < this.readableHighWaterMark;
  };

  return (body) => {
    Object.assign(body, { [WAITING]: { pieces: [], bytes: 0 }, push: joinedPush });
  };
};
