import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { CourierError } from '../../errors.ts';
import { turn } from '../../turns.ts';

/** A request whose body may be read; under functions-framework the body may have been read already. */
export type Incoming = (IncomingMessage | Http2ServerRequest) & { rawBody?: Buffer };

/** How slow a caller may be: at least so many bytes in each window of waiting for it. */
export interface MinThroughput {
  windowSeconds: number;
  bytesPerSecond: number;
}

const DEFAULT_MIN_THROUGHPUT: MinThroughput = { windowSeconds: 60, bytesPerSecond: 100 };

export interface BodyLimits {
  /** Bytes; undefined: no limit of this form of the courier. */
  maxBytes: number | undefined;
  minThroughput?: MinThroughput;
  /** Called once, when the first byte is wanted: answers `Expect: 100-continue`. */
  begin?(): void;
}

export interface RequestBody {
  /** Bytes, when the request says so. */
  size: number | undefined;
  /**
   * The bytes as they come; to be read once.
   * @param isDone true for a reader that is done with a chunk when it asks for the next one: then its memory is freed
   * @throws CourierError `body-truncated`, `too-large`
   */
  read(isDone?: boolean): AsyncIterable<Uint8Array>;
  /** Lets go of what is being read, so that no watch over it outlives the request; to be called whatever came of it. */
  release(): void;
}

/** What is read ahead of the consumer before the socket has to wait, in bytes. */
const READ_AHEAD_BYTES = 131_072;
const TICKS_A_WINDOW = 10;
const WHOLE_PIECE_BYTES = 262_144;

const tooLarge = (maxBytes: number): CourierError =>
  new CourierError('too-large', { detail: `The body has more than ${maxBytes} bytes, the most that is taken here.` });

const truncated = (detail: string, cause?: unknown): CourierError =>
  new CourierError('body-truncated', { detail, cause });

const announcedSize = (incoming: Incoming): number | undefined => {
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
  if (length !== undefined) return Number(length);
  if ('stream' in incoming) return incoming.stream.endAfterHeaders ? 0 : undefined;
  // HTTP/1.1 without either has no body (RFC 9112, 6.3).
  return encoding === undefined ? 0 : undefined;
};

/**
 * Frees what a chunk holds at once. Left to V8, up to 32 MiB of chunks lie about: it counts objects, and these are few.
 * A chunk that is a part of something larger is left alone.
 */
const free = ({ buffer, byteLength }: Buffer): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};

/** Counts only the time in which the caller kept us waiting, so that a slow Drive is not blamed on it. */
const watchPace = (
  { windowSeconds, bytesPerSecond }: MinThroughput,
  isWaiting: () => boolean,
  onSlow: (error: CourierError) => void,
): { gained(bytes: number): void; stop(): void } => {
  let bytes = 0;
  let ticks = 0;
  const timer = setInterval(
    () => {
      if (isWaiting()) ticks += 1;
      if (ticks < TICKS_A_WINDOW) return;
      if (bytes < windowSeconds * bytesPerSecond) {
        onSlow(truncated(`The body came too slowly: ${bytes} bytes in ${windowSeconds} seconds.`));
      }
      bytes = 0;
      ticks = 0;
    },
    (windowSeconds * 1000) / TICKS_A_WINDOW,
  );
  return {
    gained(more) {
      bytes += more;
    },
    stop: () => clearInterval(timer),
  };
};

interface Announced {
  /** Bytes, when the request says so. */
  size: number | undefined;
  maxBytes: number | undefined;
}

/** Throws rather than let other bytes pass than were announced, or more than may be. */
const createCount = ({ size, maxBytes }: Announced): { add(bytes: number): void; end(): void } => {
  let received = 0;
  return {
    add(bytes) {
      received += bytes;
      if (maxBytes !== undefined && received > maxBytes) throw tooLarge(maxBytes);
    },
    end() {
      if (size !== undefined && received !== size)
        throw truncated(`${received} bytes came where ${size} were announced.`);
    },
  };
};

/**
 * Reads by events, since a Readable's own iterator copies what it has queued, and destroys the socket that the answer
 * must go out on when its reader leaves early.
 */
async function* readStream(
  incoming: Incoming,
  announced: Announced,
  { minThroughput, isDone }: { minThroughput: MinThroughput; isDone: boolean },
): AsyncGenerator<Uint8Array> {
  const count = createCount(announced);
  const queue: Buffer[] = [];
  let queued = 0;
  let ended = false;
  let failure: CourierError | undefined;
  let wake: (() => void) | undefined;
  const ring = (): void => {
    wake?.();
    wake = undefined;
  };
  const fail = (error: CourierError): void => {
    failure ??= error;
    ring();
  };
  const pace = watchPace(minThroughput, () => wake !== undefined, fail);

  const onData = (chunk: Buffer): void => {
    queue.push(chunk);
    queued += chunk.byteLength;
    pace.gained(chunk.byteLength);
    if (queued >= READ_AHEAD_BYTES) incoming.pause();
    ring();
  };
  const onCut = (cause?: unknown): void => {
    // A request closes after its end, too; an error made for nothing costs more than the reading.
    if (!ended) fail(truncated('The connection broke before the body was complete.', cause));
  };
  const onEnd = (): void => {
    // HTTP/2's request ends by itself when its stream is reset, HTTP/1's does not: only this tells a cut from an end.
    ended = !incoming.aborted;
    if (ended) ring();
    else onCut();
  };

  incoming.on('data', onData).on('end', onEnd).on('error', onCut).on('aborted', onCut).on('close', onCut);
  if (incoming.aborted || incoming.destroyed) onCut();
  try {
    for (;;) {
      const chunk = queue.shift();
      if (chunk !== undefined) {
        queued -= chunk.byteLength;
        count.add(chunk.byteLength);
        yield chunk;
        if (isDone) free(chunk);
      } else if (ended) {
        count.end();
        return;
      } else if (failure !== undefined) {
        throw failure;
      } else {
        incoming.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    pace.stop();
    incoming.pause();
    incoming.off('data', onData).off('end', onEnd).off('aborted', onCut).off('close', onCut);
  }
}

/** What is here whole is given in pieces all the same: whoever hashes a large one gets to other work in between. */
async function* once(whole: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.byteLength; at += WHOLE_PIECE_BYTES) {
    if (at > 0) await turn();
    yield whole.subarray(at, at + WHOLE_PIECE_BYTES);
  }
}

/**
 * The body of a request, not a byte of which is asked for before `read`.
 * @throws CourierError `too-large` at once, when the request announces more than is taken
 */
export const requestBody = (incoming: Incoming, limits: BodyLimits): RequestBody => {
  const { maxBytes, minThroughput = DEFAULT_MIN_THROUGHPUT, begin } = limits;
  const { rawBody } = incoming;
  const size = rawBody?.byteLength ?? announcedSize(incoming);
  if (maxBytes !== undefined && size !== undefined && size > maxBytes) throw tooLarge(maxBytes);
  let reading: AsyncGenerator<Uint8Array> | undefined;
  return {
    size,
    read(isDone = false) {
      begin?.();
      reading =
        rawBody === undefined ? readStream(incoming, { size, maxBytes }, { minThroughput, isDone }) : once(rawBody);
      return reading;
    },
    release() {
      // A reader that still waits for bytes is let go when its connection is.
      reading?.return(undefined).catch(() => undefined);
    },
  };
};
