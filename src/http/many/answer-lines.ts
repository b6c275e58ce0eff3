import { asCourierError } from '../../errors.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { NDJSON, problemOf } from '../problem.ts';
import { type CourierContext, type RequestTime, withinRequest } from '../request-context.ts';

/** Writes one line of the response. */
export type WriteLine = (value: object) => Promise<void>;

/** Lines that may wait for a slow reader before the next one is written, in bytes. */
const MAX_UNREAD_BYTES = 65_536;
/** The same for a caller that may read only after it has sent its whole body: about 16,000 lines. */
const MAX_UNREAD_BYTES_OF_BODY = 16_777_216;

interface LineStreamOptions {
  maxUnreadBytes: number;
  /** Starts the time in which the caller must read. Returns a function that ends it. */
  watchReader: () => () => void;
}

/** A stream of lines. Nothing is written to it after the caller has disconnected. */
const createLineStream = ({ maxUnreadBytes, watchReader }: LineStreamOptions) => {
  // Several files are delivered at the same time, so several writers may wait.
  let waiting: (() => void)[] = [];
  let isOpen = true;
  let isWaiting = true;
  let stopWatching: (() => void) | undefined;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const notify = (): void => {
    stopWatching?.();
    stopWatching = undefined;
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  const close = (): void => {
    isOpen = false;
    notify();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started;
      },
      pull: notify,
      cancel: close,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxUnreadBytes }),
  );
  const hasRoom = (): boolean => (controller?.desiredSize ?? 0) > 0;
  return {
    stream,
    async write(value: object): Promise<void> {
      if (isOpen) controller?.enqueue(Buffer.from(`${JSON.stringify(value)}\n`));
      while (isOpen && isWaiting && !hasRoom()) {
        stopWatching ??= watchReader();
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    /** The last lines are written without waiting for the reader. */
    hurry(): void {
      isWaiting = false;
      notify();
    },
    end(): void {
      if (isOpen) {
        controller?.close();
        watchReader();
      }
      close();
    },
    close,
  };
};

/**
 * Answers with JSON Lines during the work. The response begins with the first line, so an error before it is an
 * ordinary problem document; a later one is the last line.
 * @param produce writes the lines. Its signal is aborted when the caller disconnects or the deadline of the request has passed.
 * @param waitsForReader false if the caller may read the response only after it has sent its whole body: waiting for it
 * would then block both, so more lines are kept for it. A caller that does not read is disconnected.
 */
export const answerLines = (
  context: CourierContext,
  dependencies: Pick<HttpDependencies, 'now' | 'requestSeconds' | 'log'>,
  produce: (time: RequestTime, write: WriteLine) => Promise<void>,
  { waitsForReader }: { waitsForReader: boolean },
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const { outgoing, watchReader = () => () => undefined } = context.env;
    const maxUnreadBytes = waitsForReader ? MAX_UNREAD_BYTES : MAX_UNREAD_BYTES_OF_BODY;
    const lines = createLineStream({ maxUnreadBytes, watchReader });
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
        else lines.hurry();
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
      .finally(lines.end);
    context.set('lasting', ended);
  });
