import { asCourierError } from '../../errors.ts';
import type { Shares } from '../capacity.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { MAX_UNREAD_LINES_BYTES } from '../document-memory.ts';
import { NDJSON, problemOf } from '../problem.ts';
import { isCallerDisconnected } from '../request/incoming-request.ts';
import { type CourierContext, type RequestTime, withinRequest } from '../request-context.ts';

/** Writes one line of the response. */
export type WriteLine = (value: object) => Promise<void>;

/** Lines that may wait for a slow reader before the next one is written, in bytes. */
const MAX_UNREAD_BYTES = 65_536;

/** The memory for lines beyond those of `MAX_UNREAD_BYTES`, and the caller whose lines it keeps. */
interface KeptLines {
  memory: Shares;
  holder: string;
}

interface LineStreamOptions {
  keep: KeptLines | undefined;
  /** Starts the time in which the caller must read. Returns a function that ends it. */
  watchReader: () => () => void;
}

/** A stream of lines. Nothing is written to it after the caller has disconnected. */
const createLineStream = ({ keep, watchReader }: LineStreamOptions) => {
  const maxUnreadBytes = keep === undefined ? MAX_UNREAD_BYTES : MAX_UNREAD_LINES_BYTES;
  const share = keep?.memory.open(keep.holder);
  /** Bytes of the share that are in use. */
  let kept = 0;
  // Several files are delivered at the same time, so several writers may wait.
  let waiting: (() => void)[] = [];
  let isOpen = true;
  let isWaiting = true;
  let stopWatching: (() => void) | undefined;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Writers that wait, or that were woken and have not tried yet. */
  let writers = 0;
  /** The writers try again. The time in which the caller must read continues. */
  const wakeWriters = (): void => {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  // Memory may also become free because another response is read or has ended.
  const stopListening = keep?.memory.onRelease(wakeWriters);
  const stopTimer = (): void => {
    stopWatching?.();
    stopWatching = undefined;
  };
  const notify = (): void => {
    stopTimer();
    wakeWriters();
  };
  /** Uses so much of the share; false if it is not available. */
  const use = (bytes: number): boolean => {
    if (bytes > kept && share?.take(bytes - kept) !== true) return false;
    if (bytes < kept) share?.release(kept - bytes);
    kept = bytes;
    return true;
  };
  const close = (): void => {
    isOpen = false;
    stopListening?.();
    use(0);
    notify();
  };
  /** Bytes that wait for the reader, beyond those that every response may have. */
  const excess = (): number => Math.max(0, maxUnreadBytes - (controller?.desiredSize ?? 0) - MAX_UNREAD_BYTES);
  const stream = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started;
      },
      pull() {
        use(Math.min(kept, excess()));
        notify();
      },
      cancel: close,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxUnreadBytes }),
  );
  /** Takes the memory for all lines that are not read; false if they are too many. */
  const takeRoom = (): boolean => (controller?.desiredSize ?? 0) > 0 && use(excess());
  return {
    stream,
    async write(value: object): Promise<void> {
      if (isOpen) controller?.enqueue(Buffer.from(`${JSON.stringify(value)}\n`));
      writers += 1;
      while (isOpen && isWaiting && !takeRoom()) {
        stopWatching ??= watchReader();
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      writers -= 1;
      if (writers === 0) stopTimer();
    },
    /** The last lines are written without waiting for the reader. */
    stopWaiting(): void {
      isWaiting = false;
      notify();
    },
    /** Nothing more is written. The lines are in memory until the caller has read them or is disconnected. */
    end(): void {
      if (isOpen) {
        controller?.close();
        watchReader();
      }
      isOpen = false;
      stopListening?.();
      notify();
    },
    close,
  };
};

/**
 * Answers with JSON Lines during the work. The response begins with the first line, so an error before it is an
 * ordinary problem document; a later one is the last line.
 * @param produce writes the lines. Its signal is aborted when the caller disconnects or the deadline of the request has passed.
 * @param keep for a caller that may read the response only after it has sent its whole body: waiting for it would then block
 * both, so more lines are kept for it. A caller that does not read is disconnected.
 */
export const answerLines = (
  context: CourierContext,
  dependencies: Pick<HttpDependencies, 'now' | 'requestSeconds' | 'log'>,
  produce: (time: RequestTime, write: WriteLine) => Promise<void>,
  keep?: KeptLines,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const { outgoing, watchReader = () => () => undefined } = context.env;
    const lines = createLineStream({ keep, watchReader });
    outgoing.once('close', lines.close);
    let hasBegun = false;
    const write: WriteLine = (value) => {
      if (!hasBegun) {
        hasBegun = true;
        context.env.isSentInParts = true;
        resolve(context.body(lines.stream, 200, { 'Content-Type': NDJSON }));
      }
      return lines.write(value);
    };
    const work = withinRequest(context, dependencies, async (time) => {
      time.signal.addEventListener('abort', () => {
        if (outgoing.destroyed) lines.close();
        else lines.stopWaiting();
      });
      await produce(time, write);
    });
    const ended = work
      .catch(async (thrown: unknown) => {
        if (!hasBegun) return reject(thrown);
        const error = asCourierError(thrown);
        dependencies.log.error({ error, requestId: context.var.trace.requestId }, 'a response in lines ended early');
        await write({ ...problemOf(error, context.var.trace.requestId) });
      })
      .finally(() => {
        lines.end();
        // The response of such a caller may never emit "close".
        if (isCallerDisconnected(context.env)) lines.close();
      });
    context.set('lasting', ended);
  });
