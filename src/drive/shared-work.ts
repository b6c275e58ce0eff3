import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';
import type { CallContext } from './drive.ts';

/**
 * Waits for work that other callers wait for as well. A caller whose signal aborts stops waiting, and the work continues for the others.
 * @throws the signal's reason
 */
export const joinWork = async <Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> => {
  if (signal === undefined) return work;
  // The work continues after this caller has stopped waiting. If it failed then, an unhandled rejection would end the process.
  work.catch(() => undefined);
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, left]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
};

/** Single flight: one call at a time for each key. Callers that come while it runs get its result. */
export const createSingleFlight = <Result>() => {
  const flights = new Map<string, Promise<Result>>();
  return (key: string, work: () => Promise<Result>): Promise<Result> => {
    const flying = flights.get(key);
    if (flying !== undefined) return flying;
    const flight = work().finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
};

/** The longest wait for the answer of the previous read. After this time, the next one begins anyway. */
const MAX_WAIT_MS = 500;

/** The read of several callers: no single one of them ends it, and its calls are counted for the first one. */
const contextOf = (callers: readonly CallContext[]): CallContext => {
  const deadlineMs = Math.max(...callers.map((caller) => caller.deadlineMs ?? Number.POSITIVE_INFINITY));
  return {
    ...(deadlineMs === Number.POSITIVE_INFINITY ? {} : { deadlineMs }),
    callStats: callers[0]?.callStats,
  };
};

/**
 * Reads that callers share (single flight): callers that request a key while a read of it runs share the next read. It begins
 * after all of their requests, so that each caller gets what was written before its request.
 */
export const createSharedReads = <Result>(read: (key: string, context: CallContext) => Promise<Result>) => {
  const running = new Map<string, Promise<unknown>>();
  const waiting = new Map<string, { callers: CallContext[]; result: Promise<Result> }>();

  const next = (key: string): { callers: CallContext[]; result: Promise<Result> } => {
    const callers: CallContext[] = [];
    const begin = async (): Promise<Result> => {
      // Answers that arrive together make callers ask together, so the read begins in the next turn of the event loop.
      const former = running.get(key);
      await (former === undefined
        ? immediate()
        : Promise.race([former, delay(MAX_WAIT_MS, undefined, { ref: false })]));
      waiting.delete(key);
      const result = read(key, contextOf(callers));
      const ended = result.then(
        () => undefined,
        () => undefined,
      );
      running.set(key, ended);
      ended.then(() => {
        if (running.get(key) === ended) running.delete(key);
      });
      return result;
    };
    const shared = { callers, result: begin() };
    waiting.set(key, shared);
    return shared;
  };

  return (key: string, context: CallContext): Promise<Result> => {
    const shared = waiting.get(key) ?? next(key);
    shared.callers.push(context);
    return joinWork(shared.result, context.signal);
  };
};
