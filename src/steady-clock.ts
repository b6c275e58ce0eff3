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
