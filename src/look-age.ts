/**
 * How old the last look at a file may be when the request leaves that its answer allows. Ages count from Drive's answer. Drive
 * has no conditional requests, so what a person changes within this time is overwritten, or noticed only afterwards.
 */

/** Of a file that exists, in milliseconds. */
export const MAX_LOOK_AGE_MS = 1_000;

/** Of a search for a new file's name, in milliseconds: Drive's search is late itself. */
export const MAX_SEARCH_AGE_MS = 3_000;

/** How often a check is made. A Drive that is always slow must not keep the delivery from ending. */
const MAX_CHECKS = 3;

/**
 * Repeats a check until it ends soon after the look that it is based on.
 * @param check calls `seen` when it has Drive's answer, or with the time of an earlier one in epoch milliseconds, and returns
 * what ends the checks
 */
export const checkUntilFresh = async <Result>(
  { now, maxAgeMs }: { now: () => number; maxAgeMs: number },
  check: (seen: (atMs?: number) => void) => Promise<Result | undefined>,
): Promise<Result | undefined> => {
  for (let checks = 1; ; checks += 1) {
    let seenAtMs = now();
    const seen = (atMs = now()): void => {
      seenAtMs = atMs;
    };
    const result = await check(seen);
    if (result !== undefined || checks === MAX_CHECKS || now() - seenAtMs <= maxAgeMs) return result;
  }
};
