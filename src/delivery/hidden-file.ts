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

/** @throws CourierError `drive-unavailable` as long as Drive may only hide a file. @param sinceMs when it was first missed */
export const mustBeGone = (sinceMs: number, nowMs: number): void => {
  if (nowMs - sinceMs < MAX_HIDDEN_MS) throw notShownYet();
};
