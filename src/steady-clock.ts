/** The two clocks of the process, in epoch milliseconds: see docs/decisions/steady-clock.md. */
export interface Clocks {
  /** Never goes back: for ages, waits and deadlines. After a correction of the machine's clock it may be ahead for a long time. */
  now: () => number;
  /** What the machine's clock shows at the moment, and may be set back: for the times that people and other machines read. */
  wall: () => number;
}

/** How fast the clock runs while it waits for a machine's clock that was set back. */
const SLOW = 0.9;

/**
 * A clock that never goes back. The machine's clock may be set back, and then the last look at a file, a lease or a deadline
 * would seem to be younger than it is. This one runs slower until the two agree. It follows a machine's clock that is set
 * forward, or that has gone on while the process was paused.
 * @param wall epoch milliseconds of the machine's clock
 * @param steady milliseconds of a clock that nobody sets
 */
export const createSteadyClock = (
  wall: () => number = Date.now,
  steady: () => number = () => performance.now(),
): (() => number) => {
  let shownMs = wall();
  let atMs = steady();
  return () => {
    const passedMs = steady() - atMs;
    atMs += passedMs;
    shownMs = Math.max(wall(), shownMs + SLOW * passedMs);
    return Math.floor(shownMs);
  };
};

/** The time by Drive's clock, which the `Date` headers of its answers show. The clocks of instances may be minutes apart. */
export interface DriveClock {
  /** Epoch milliseconds. Before the first answer, it is the time of the instance. */
  now(): number;
  /**
   * Called with each answer.
   * @param date its `Date` header
   * @param sentMs when the request was sent, by the clock of the instance
   */
  answered(date: string | undefined, sentMs: number): void;
}

/** The header has whole seconds. */
const RESOLUTION_MS = 1_000;

/**
 * Each answer bounds the offset of Drive's clock: its date was written after the request was sent, and before the answer
 * arrived. The offset changes only if it is out of these bounds, and only as far as necessary. So it stays 0 where the
 * clock of the instance is right, an answer that is read late changes nothing, and times do not jump back and forth.
 */
export const createDriveClock = (now: () => number): DriveClock => {
  let offsetMs = 0;
  /** Many answers have the same date. */
  let parsed = { date: '', ms: Number.NaN };
  return {
    now: () => now() + offsetMs,
    answered(date, sentMs) {
      if (date === undefined) return;
      if (date !== parsed.date) parsed = { date, ms: Date.parse(date) };
      const receivedMs = now();
      // The clock of the instance may have been set back in between.
      if (Number.isNaN(parsed.ms) || receivedMs < sentMs) return;
      const least = parsed.ms - receivedMs;
      const most = parsed.ms + RESOLUTION_MS - sentMs;
      offsetMs = Math.min(most, Math.max(least, offsetMs));
    },
  };
};
