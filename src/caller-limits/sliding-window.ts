/** Counts events of the last `windowMs` milliseconds exactly: at most `max` in any window of this length. */
export interface SlidingWindow {
  remaining(nowMs: number): number;
  /** Milliseconds until another event fits; 0 if one fits now. */
  waitMs(nowMs: number): number;
  add(nowMs: number): void;
}

export const createSlidingWindow = (max: number, windowMs: number): SlidingWindow => {
  /** Times in ascending order; those before `first` are over. */
  let times: number[] = [];
  let first = 0;

  const count = (nowMs: number): number => {
    while (first < times.length && (times[first] ?? 0) + windowMs <= nowMs) first += 1;
    if (first > 64 && first * 2 > times.length) {
      times = times.slice(first);
      first = 0;
    }
    return times.length - first;
  };

  return {
    remaining: (nowMs) => max - count(nowMs),
    waitMs: (nowMs) => (count(nowMs) < max ? 0 : (times[first] ?? nowMs) + windowMs - nowMs),
    add(nowMs) {
      times.push(nowMs);
    },
  };
};
