import { createHook } from 'node:async_hooks';

/** A timer that was made and has neither fired nor been cleared. */
export interface RunningTimer {
  /** Milliseconds it was made for. */
  ms: number;
  /** Who made it. */
  stack: string;
}

/** A socket keeps one timer for as long as it lives, which is not for one call. */
const OF_A_SOCKET = /setStreamTimeout|node:_http_|node:internal\/http\b/;

const FRAMES = 30;

const stackNow = (): string => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = FRAMES;
  const { stack = '' } = new Error('made here');
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
};

/** Watches every timer that this process makes from now on, those of Node's own `AbortSignal.timeout` and of libraries too. */
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
    /** Those that were made for at least so long; Node tells of a timer's end a moment later. */
    running: (leastMs: number): RunningTimer[] => [...running.values()].filter(({ ms }) => ms >= leastMs),
    stop: () => void hook.disable(),
  };
};
