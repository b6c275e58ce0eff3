import { asCourierError } from '../../errors.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { NDJSON, problemOf } from '../problem.ts';
import { type CourierContext, type RequestTime, withinRequest } from '../request-context.ts';

/** Writes one line of the response. */
export type WriteLine = (value: object) => Promise<void>;

/** Lines that may wait for a slow reader before the next one is written. */
const MAX_WAITING_LINES = 64;

/** A stream of lines. Nothing is written to it after the caller has disconnected. */
const createLineStream = (waitsForReader: boolean) => {
  // Several files are delivered at the same time, so several writers may wait.
  let waiting: (() => void)[] = [];
  let isOpen = true;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const notify = (): void => {
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
    { highWaterMark: MAX_WAITING_LINES },
  );
  const hasRoom = (): boolean => !waitsForReader || (controller?.desiredSize ?? 0) > 0;
  return {
    stream,
    async write(value: object): Promise<void> {
      if (isOpen) controller?.enqueue(Buffer.from(`${JSON.stringify(value)}\n`));
      while (isOpen && !hasRoom()) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    end(): void {
      if (isOpen) controller?.close();
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
 * would then block both. The number of lines must be limited in that case.
 */
export const answerLines = (
  context: CourierContext,
  dependencies: Pick<HttpDependencies, 'now' | 'requestSeconds' | 'log'>,
  produce: (time: RequestTime, write: WriteLine) => Promise<void>,
  { waitsForReader }: { waitsForReader: boolean },
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const lines = createLineStream(waitsForReader);
    let hasBegun = false;
    const write: WriteLine = (value) => {
      if (!hasBegun) resolve(context.body(lines.stream, 200, { 'Content-Type': NDJSON }));
      hasBegun = true;
      return lines.write(value);
    };
    const work = withinRequest(context, dependencies, async (time) => {
      time.signal.addEventListener('abort', () => {
        if (context.env.outgoing.destroyed) lines.close();
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
