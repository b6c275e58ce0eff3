import { createHook } from 'node:async_hooks';

/** A timer that has neither fired nor been cleared. */
export interface RunningTimer {
  /** Its duration in milliseconds. */
  ms: number;
  /** The code that created it. */
  stack: string;
}

/** A socket keeps one timer for its whole life, not for one call. */
const OF_A_SOCKET = /setStreamTimeout|node:_http_|node:internal\/http\b/;

const FRAMES = 30;

const stackNow = (): string => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error('made here');
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
};

/**
 * Tracks every timer that this process creates from now on, including those of Node's own `AbortSignal.timeout` and of
 * libraries.
 */
export const watchTimers = () => {
  const running = new Map<number, RunningTimer>();
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (type !== 'Timeout') return;
      const stack = stackNow();
      const { _idleTimeout: ms = Number.NaN } = resource as { _idleTimeout?: number };
      if (!OF_A_SOCKET.test(stack)) running.set(id, { ms, stack });
    },
    destroy: (id) => void running.delete(id),
  }).enable();
  return {
    /** Those with at least this duration. Node reports the end of a timer a moment later. */
    running: (leastMs: number): RunningTimer[] => [...running.values()].filter(({ ms }) => ms >= leastMs),
    stop: () => void hook.disable(),
  };
};
