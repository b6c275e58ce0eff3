import { CourierError } from '../errors.ts';

/**
 * Drive may refuse an id because a file with it exists (409), and not show that file (404): it hides a file that it has just
 * created, or the file was permanently deleted. Only time tells which. An id that is given up too early makes a second file.
 * In milliseconds since the file was first missed.
 */
const MAX_HIDDEN_MS = 120_000;

const RETRY_SECONDS = 10;

export const notShownYet = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'Drive does not show the file yet.',
    retryAfterSeconds: RETRY_SECONDS,
  });

/** The part of a ledger's record that tells since when Drive has not shown a file. */
interface MissedFile {
  /** Epoch milliseconds by Drive's clock, because the clocks of instances may be far apart. */
  missedSinceMs?: number | undefined;
}

/**
 * Keeps the id of a file that Drive does not show. The ledger holds when it was first missed, for all tries and instances.
 * @param record what the ledger holds, as far as this try knows
 * @param note records when the file was first missed, unless another try has; returns what the ledger holds then
 * @param now Drive's clock
 * @throws CourierError `drive-unavailable` as long as Drive may only hide the file
 */
export const keepWhileHidden = async (
  record: MissedFile | undefined,
  note: (missed: { missedSinceMs: number }) => Promise<MissedFile | undefined>,
  now: () => number,
): Promise<void> => {
  const nowMs = now();
  const noted = record?.missedSinceMs === undefined ? await note({ missedSinceMs: nowMs }) : record;
  if (nowMs - (noted?.missedSinceMs ?? nowMs) < MAX_HIDDEN_MS) throw notShownYet();
};
