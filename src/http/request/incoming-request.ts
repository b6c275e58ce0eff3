import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { CourierError } from '../../errors.ts';
import { turn } from '../../turns.ts';

/** A Node request. functions-framework may have read the whole body into `rawBody`. */
export type Incoming = (IncomingMessage | Http2ServerRequest) & { rawBody?: Buffer };

/** The minimum throughput of a body, measured over windows of the time spent waiting for the caller. */
export interface MinThroughput {
  windowSeconds: number;
  bytesPerSecond: number;
}

const DEFAULT_MIN_THROUGHPUT: MinThroughput = { windowSeconds: 60, bytesPerSecond: 100 };

/** The minimum throughput of a body whose caller has more than its fair share while all slots are taken, in bytes per second. */
const MAX_MIN_THROUGHPUT = 65_536;
/** Under load, the throughput is measured over so many ticks. */
const TICKS_UNDER_LOAD = 2;

export interface BodyLimits {
  /** Bytes; undefined: no limit. */
  maxBytes: number | undefined;
  /** What to do about a larger body. Default: the remedy for a file. */
  remedy?: string | undefined;
  minThroughput?: MinThroughput | undefined;
  /** How much the caller presses the others, from 0 to 1. The minimum throughput rises with it. Default: 0. */
  pressure?: (() => number) | undefined;
  /** Called once, before the first byte is read: answers `Expect: 100-continue`. */
  begin?: (() => void) | undefined;
}

export interface RequestBody {
  /** Bytes, if the request announces it. */
  size: number | undefined;
  /**
   * Streams the body. Call it once.
   * @param isDone true if the consumer no longer needs a chunk when it asks for the next one; its memory is then freed
   * @param atEnd called after the last chunk; what it throws ends the body. Cheaper than another generator around this one
   * @throws CourierError `body-truncated`, `too-large`
   */
  read(isDone?: boolean, atEnd?: () => void): AsyncIterable<Uint8Array>;
  /** Stops reading and its timers. Call it when the request has ended, with any result. */
  release(): void;
}

/** How far to read ahead of the consumer before the socket is paused, in bytes. */
const READ_AHEAD_BYTES = 131_072;
const TICKS_PER_WINDOW = 10;
const WHOLE_PIECE_BYTES = 262_144;

const tooLarge = (maxBytes: number, remedy: string | undefined): CourierError => {
  const detail = `The body is larger than ${maxBytes} bytes, the limit of this endpoint.`;
  return new CourierError('too-large', { detail, remedy });
};

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
 * Frees the memory of a chunk immediately. The garbage collector would keep up to 32 MiB of chunks, because they are few
 * objects. A chunk that is part of a larger buffer is not freed.
 */
const free = ({ buffer, byteLength }: Buffer): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
};

const tooSlow = (bytes: number, seconds: number): CourierError =>
  truncated(`The body arrived too slowly: ${bytes} bytes in ${seconds} seconds.`);

/** Unlike a body that is too slow in any case, this one may be sent again later. */
const tooSlowUnderLoad = (bytesPerSecond: number): CourierError =>
  new CourierError('busy', {
    detail: `The instance is at capacity, and you have more than your share of it. Bodies slower than ${Math.ceil(bytesPerSecond)} bytes per second are cut off meanwhile.`,
    retryAfterSeconds: 5,
  });

interface Throughput {
  minThroughput: MinThroughput;
  pressure: () => number;
  isWaiting: () => boolean;
  onSlow: (error: CourierError) => void;
}

/** Measures only the time spent waiting for the caller, so that a slow Drive does not count against it. */
const watchThroughput = ({
  minThroughput: { windowSeconds, bytesPerSecond },
  pressure,
  isWaiting,
  onSlow,
}: Throughput): { gained(bytes: number): void; stop(): void } => {
  const tickSeconds = windowSeconds / TICKS_PER_WINDOW;
  /** Bytes and ticks of the whole window, and of the shorter one that counts under load. */
  const window = { bytes: 0, ticks: 0 };
  const recent = { bytes: 0, ticks: 0 };
  const checkUnderLoad = (): void => {
    const pressed = pressure();
    const needed = bytesPerSecond + pressed * Math.max(0, MAX_MIN_THROUGHPUT - bytesPerSecond);
    if (pressed > 0 && recent.bytes < needed * recent.ticks * tickSeconds) onSlow(tooSlowUnderLoad(needed));
  };
  const timer = setInterval(() => {
    if (isWaiting()) {
      window.ticks += 1;
      recent.ticks += 1;
    }
    if (recent.ticks >= TICKS_UNDER_LOAD) {
      checkUnderLoad();
      recent.bytes = 0;
      recent.ticks = 0;
    }
    if (window.ticks < TICKS_PER_WINDOW) return;
    if (window.bytes < windowSeconds * bytesPerSecond) onSlow(tooSlow(window.bytes, windowSeconds));
    window.bytes = 0;
    window.ticks = 0;
  }, tickSeconds * 1000);
  return {
    gained(more) {
      window.bytes += more;
      recent.bytes += more;
    },
    stop: () => clearInterval(timer),
  };
};

interface Announced {
  /** Bytes, if the request announces it. */
  size: number | undefined;
  maxBytes: number | undefined;
  remedy: string | undefined;
}

/** Counts the received bytes. Throws if they exceed the limit or differ from the announced size. */
const createCount = ({ size, maxBytes, remedy }: Announced): { add(bytes: number): void; end(): void } => {
  let received = 0;
  return {
    add(bytes) {
      received += bytes;
      if (maxBytes !== undefined && received > maxBytes) throw tooLarge(maxBytes, remedy);
    },
    end() {
      if (size !== undefined && received !== size)
        throw truncated(`${received} bytes arrived, but ${size} were announced.`);
    },
  };
};

/** The parameters of `RequestBody.read`. */
interface Reading {
  isDone: boolean;
  atEnd: (() => void) | undefined;
}

/**
 * Reads with events rather than the iterator of Readable. That iterator copies the queued chunks and, if its consumer
 * stops early, destroys the socket that is needed for the response.
 */
async function* readStream(
  incoming: Incoming,
  announced: Announced,
  { minThroughput, pressure, isDone, atEnd }: Pick<Throughput, 'minThroughput' | 'pressure'> & Reading,
): AsyncGenerator<Uint8Array> {
  const count = createCount(announced);
  const queue: Buffer[] = [];
  let queued = 0;
  let ended = false;
  let failure: CourierError | undefined;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const fail = (error: CourierError): void => {
    failure ??= error;
    notify();
  };
  const pace = watchThroughput({ minThroughput, pressure, isWaiting: () => wake !== undefined, onSlow: fail });

  const onData = (chunk: Buffer): void => {
    queue.push(chunk);
    queued += chunk.byteLength;
    pace.gained(chunk.byteLength);
    if (queued >= READ_AHEAD_BYTES) incoming.pause();
    notify();
  };
  const onCut = (cause?: unknown): void => {
    // A request also emits "close" after its end. Creating an unused error would take longer than reading the body.
    if (!ended) fail(truncated('The connection broke before the body was complete.', cause));
  };
  const onEnd = (): void => {
    // In HTTP/2, but not in HTTP/1, a reset stream also emits "end". Only `aborted` distinguishes it from a complete
    // body.
    ended = !incoming.aborted;
    if (ended) notify();
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
        atEnd?.();
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

/** Yields a body that is already in memory in pieces, so that hashing a large one does not block other requests. */
async function* once(whole: Uint8Array, atEnd: Reading['atEnd']): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.byteLength; at += WHOLE_PIECE_BYTES) {
    if (at > 0) await turn();
    yield whole.subarray(at, at + WHOLE_PIECE_BYTES);
  }
  atEnd?.();
}

/**
 * The body of a request. No byte is read before `read` is called.
 * @throws CourierError `too-large` immediately, if the announced size exceeds the limit
 */
export const requestBody = (incoming: Incoming, limits: BodyLimits): RequestBody => {
  const { maxBytes, remedy, minThroughput = DEFAULT_MIN_THROUGHPUT, pressure = () => 0, begin } = limits;
  const { rawBody } = incoming;
  const size = rawBody?.byteLength ?? announcedSize(incoming);
  if (maxBytes !== undefined && size !== undefined && size > maxBytes) throw tooLarge(maxBytes, remedy);
  let reading: AsyncGenerator<Uint8Array> | undefined;
  return {
    size,
    read(isDone = false, atEnd) {
      begin?.();
      const settings = { minThroughput, pressure, isDone, atEnd };
      reading =
        rawBody === undefined ? readStream(incoming, { size, maxBytes, remedy }, settings) : once(rawBody, atEnd);
      return reading;
    },
    release() {
      // A reader that is still waiting for bytes ends with its connection.
      reading?.return(undefined).catch(() => undefined);
    },
  };
};

/** True while bytes of the body may still arrive, because it has not been read to its end. */
export const isBodyPending = (incoming: Incoming): boolean => {
  if (incoming.rawBody !== undefined || incoming.readableEnded) return false;
  if ('stream' in incoming) return !incoming.stream.endAfterHeaders;
  if (incoming.complete) return false;
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
};

/** True once the connection or the stream of a request is closed. In HTTP/2 the response does not show it. */
export const isCallerDisconnected = ({
  incoming,
  outgoing,
}: {
  incoming: Incoming;
  outgoing: { destroyed: boolean };
}): boolean => ('stream' in incoming ? incoming.stream.destroyed : outgoing.destroyed);
