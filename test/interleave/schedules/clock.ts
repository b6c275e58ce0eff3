import { createRequire, syncBuiltinESMExports } from 'node:module';

/** A pending sleep or timer. */
export interface Wait {
  id: number;
  dueMs: number;
  /** `sleep`: code awaits it. `timer`: a callback in the background, such as a deadline. */
  kind: 'sleep' | 'timer';
  /** What the `owner` callback returned when the wait began. */
  owner: unknown;
  fire(): void;
}

export interface VirtualClock {
  now(): number;
  /** Moves the time forward. Fires nothing. */
  set(nowMs: number): void;
  /** Pending waits, earliest first. */
  waits(): Wait[];
  /** Removes a wait and fires it. */
  fire(wait: Wait): void;
  /** Whether long work waits for its next turn of the event loop, which takes no virtual time. */
  hasTurns(): boolean;
  /** How often code has asked for another turn of the event loop with `setImmediate`. Such code is not idle. */
  turnsAsked(): number;
  /** Removes all matching waits without firing them. */
  drop(isDropped: (wait: Wait) => boolean): void;
  /** Restores the real timers and clock. */
  uninstall(): void;
}

interface Handle {
  ref(): Handle;
  unref(): Handle;
  hasRef(): boolean;
  refresh(): Handle;
  close(): Handle;
  [Symbol.toPrimitive](): number;
  [Symbol.dispose](): void;
}

type Callback = (...given: unknown[]) => void;

/**
 * Replaces the timers and the clock of this process (`setTimeout`, `setInterval`, `node:timers/promises`, `Date.now`), so that
 * no test waits in real time and the caller decides when time passes. Calls of `setImmediate` are only counted.
 * @param owner called when a wait begins, to record who waits
 */
export const installClock = (startMs: number, owner: () => unknown): VirtualClock => {
  const require = createRequire(import.meta.url);
  const promises = require('node:timers/promises') as Record<string, unknown>;
  const plain = require('node:timers') as Record<string, unknown>;
  const saved = {
    now: Date.now,
    globals: { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate },
    sleep: promises.setTimeout,
    turn: promises.setImmediate as (value?: unknown) => Promise<unknown>,
  };
  let nowMs = startMs;
  let ids = 0;
  const waits = new Map<number, Wait>();

  const add = (kind: Wait['kind'], milliseconds: unknown, fire: () => void): number => {
    ids += 1;
    const delayMs = Math.max(0, Number(milliseconds) || 0);
    waits.set(ids, { id: ids, dueMs: nowMs + delayMs, kind, owner: owner(), fire });
    return ids;
  };

  const handleOf = (id: () => number, again: () => void): Handle => {
    const handle: Handle = {
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      refresh() {
        waits.delete(id());
        again();
        return handle;
      },
      close() {
        waits.delete(id());
        return handle;
      },
      [Symbol.toPrimitive]: id,
      [Symbol.dispose]() {
        waits.delete(id());
      },
    };
    return handle;
  };

  const startTimer = (callback: Callback, milliseconds: unknown, given: unknown[], repeats: boolean): Handle => {
    let id = 0;
    const begin = (): void => {
      id = add('timer', milliseconds, () => {
        if (repeats) begin();
        callback(...given);
      });
    };
    begin();
    return handleOf(() => id, begin);
  };

  const clear = (handle: unknown): void => {
    if (handle !== undefined && handle !== null) waits.delete(Number(handle));
  };

  const sleep = (milliseconds?: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const aborted = (): Error => Object.assign(new Error('The operation was aborted'), { name: 'AbortError' });
      if (signal?.aborted) return reject(aborted());
      const onAbort = (): void => {
        waits.delete(id);
        reject(aborted());
      };
      const id = add('sleep', milliseconds, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve(value);
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });

  let turns = 0;
  const turn = async (value?: unknown): Promise<unknown> => {
    turns += 1;
    try {
      return await saved.turn(value);
    } finally {
      turns -= 1;
    }
  };

  let turnsAsked = 0;
  const immediate = (callback: Callback, ...given: unknown[]): unknown => {
    turnsAsked += 1;
    return saved.globals.setImmediate(callback, ...given);
  };

  const replaced = {
    setImmediate: immediate,
    setTimeout: (callback: Callback, ms?: unknown, ...given: unknown[]) => startTimer(callback, ms, given, false),
    setInterval: (callback: Callback, ms?: unknown, ...given: unknown[]) => startTimer(callback, ms, given, true),
    clearTimeout: clear,
    clearInterval: clear,
  };
  Object.assign(globalThis, replaced);
  Object.assign(plain, replaced);
  Object.assign(promises, { setTimeout: sleep, setImmediate: turn });
  syncBuiltinESMExports();
  Date.now = () => nowMs;

  return {
    now: () => nowMs,
    set(laterMs) {
      nowMs = Math.max(nowMs, laterMs);
    },
    waits: () => [...waits.values()].sort((one, other) => one.dueMs - other.dueMs || one.id - other.id),
    turnsAsked: () => turnsAsked,
    fire(wait) {
      if (waits.delete(wait.id)) wait.fire();
    },
    hasTurns: () => turns > 0,
    drop(isDropped) {
      for (const wait of waits.values()) if (isDropped(wait)) waits.delete(wait.id);
    },
    uninstall() {
      Date.now = saved.now;
      Object.assign(globalThis, saved.globals);
      Object.assign(plain, saved.globals);
      Object.assign(promises, { setTimeout: saved.sleep, setImmediate: saved.turn });
      syncBuiltinESMExports();
    },
  };
};
