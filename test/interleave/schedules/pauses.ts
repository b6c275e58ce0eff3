import type { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../actors/actors.ts';

/** How long a process is paused, in virtual milliseconds. All leases expire in this time, and no request's deadline does. */
const PAUSE_MS = 75_000;

interface Pauses {
  /**
   * Pauses the process of a context while it waits for an answer.
   * @param passAnswer passes the answer to the code that waits for it
   */
  begin(context: Context, passAnswer: () => void): void;
  /** Ends a pause that is over. Returns false if there is none. */
  end(): Promise<boolean>;
}

/**
 * Pauses of processes, as by Cloud Run or by SIGSTOP. When a process continues, it first handles the answer, and sends the
 * request that follows from it; only then do its timers fire, as in Node's event loop.
 * @param sendNext executes the next call of a context, if it makes one
 */
export const createPauses = (
  contexts: AsyncLocalStorage<Context>,
  sendNext: (context: Context) => Promise<void>,
): Pauses => {
  const over: { context: Context; passAnswer: () => void }[] = [];
  return {
    begin(context, passAnswer) {
      const { process } = context;
      if (process === undefined) throw new Error('only a process can be paused');
      process.isFrozen = true;
      // Outside the context: the timers of a paused process do not fire, and this one must.
      contexts.exit(() => sleep(PAUSE_MS).then(() => over.push({ context, passAnswer })));
    },
    async end() {
      const pause = over.shift();
      if (pause === undefined) return false;
      const { context, passAnswer } = pause;
      const { process } = context;
      if (process?.alive !== true) return true;
      passAnswer();
      await sendNext(context);
      process.isFrozen = false;
      return true;
    },
  };
};
