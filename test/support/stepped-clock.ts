import type { Sleep } from '../../src/sleep.ts';

/** A clock whose sleepers wake when a test moves it. */
export const createSteppedClock = () => {
  let nowMs = 1_000_000;
  let sleepers: { atMs: number; wake: () => void }[] = [];
  const waits: number[] = [];
  const sleep: Sleep = (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason);
      waits.push(ms);
      sleepers.push({ atMs: nowMs + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const rest = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (ms: number): Promise<void> => {
    for (const until = nowMs + ms; ; ) {
      await rest();
      const next = sleepers.filter(({ atMs }) => atMs <= until).sort((one, other) => one.atMs - other.atMs)[0];
      if (next === undefined) {
        nowMs = until;
        return;
      }
      nowMs = Math.max(nowMs, next.atMs);
      sleepers = sleepers.filter((sleeper) => sleeper !== next);
      next.wake();
    }
  };
  return { now: () => nowMs, sleep, pass, waits };
};
