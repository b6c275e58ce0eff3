import type { Receipt } from '../../../src/domain.ts';
import type { CourierError } from '../../../src/errors.ts';
import { callerOf, keySentBy } from '../actors/callers.ts';
import type { Attempt } from '../monitor.ts';
import { type Facts, violate } from './facts.ts';

/** I10: a receipt is for a delivery of the caller that gets it, with the key that the caller sent. */
export const checkOwner = (
  facts: Facts,
  { actor, spec, entry }: Attempt,
  { caller, idempotencyKey }: Receipt,
): void => {
  const { email } = callerOf(spec);
  if (caller !== email) violate(facts, 'I10', `${actor} is ${email}, and has a receipt of ${caller}`);
  const sent = keySentBy(spec).idempotencyKey ?? null;
  // The key of an entry is derived from that of the request.
  const isSent = entry === undefined || sent === null ? idempotencyKey === sent : idempotencyKey !== null;
  if (!isSent) violate(facts, 'I10', `${actor} sent the key ${sent}, and has a receipt for the key ${idempotencyKey}`);
};

/** I10: two callers never have the same upload. */
export const checkOpened = (facts: Facts, { actor, spec, uploadId }: Attempt): void => {
  const other = facts.monitor.attempts.find(
    (attempt) => attempt.spec.caller !== spec.caller && attempt.uploadId === uploadId,
  );
  if (other !== undefined) violate(facts, 'I10', `${actor} has opened the upload of ${other.actor}`);
};

/**
 * I10: an upload does not exist for another caller, and nothing is done for one that asks for it.
 * @param calls the labels of the calls to Drive and to the ledger
 */
export const checkRefused = (
  facts: Facts,
  { actor }: Attempt,
  { answer, calls }: { answer: string | CourierError; calls: readonly string[] },
): void => {
  if (typeof answer === 'string') violate(facts, 'I10', `${actor} completes the upload of another caller: ${answer}`);
  else if (answer.code !== 'not-found' && !answer.retryable && answer.code !== 'body-truncated')
    violate(facts, 'I10', `${actor} asks for the upload of another caller, and is answered ${answer.message}`);
  const more = calls.find((label) => !label.startsWith('ledger.read upload:'));
  if (more !== undefined) violate(facts, 'I10', `${actor} asks for the upload of another caller, which causes ${more}`);
};

/** I10: the limits of a caller count only its own deliveries. */
export const checkLimit = (facts: Facts, { actor, spec }: Attempt): void => {
  const own = facts.monitor.attempts.filter(
    (other) => other.spec.caller === spec.caller && other.spec.process === spec.process,
  );
  if (own.length < 2) violate(facts, 'I10', `${actor} is over its quota with its first delivery`);
};
