/** The time by Drive's clock, which the `Date` headers of its answers show. The clocks of instances may be minutes apart. */
interface DriveClock {
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
