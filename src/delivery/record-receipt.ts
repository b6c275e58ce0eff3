import type { Receipt } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { Claim } from './idempotency.ts';
import type { DeliveryContext } from './resolve-options.ts';

/** Pauses before the receipt is recorded once more, in milliseconds: a caller that is refused sends all its bytes again. */
const RETRY_WAITS_MS = [500, 2_000];

/**
 * No attempt begins later than this after the first one: the lease of a replaced file cannot be renewed while the ledger
 * is away, and the next delivery takes it over when it has lapsed.
 */
const RETRY_WITHIN_MS = 10_000;

/** Before the deadline, so that an answer still gets out. */
const MARGIN_MS = 3_000;

type Recording = Pick<DeliveryContext, 'context' | 'log' | 'now' | 'sleep'>;

/** Waits before another attempt. @returns false if there is no time for one, or the caller left */
const pause = async (waitMs: number, startedMs: number, { context, now, sleep }: Recording): Promise<boolean> => {
  const { signal, deadlineMs = Number.POSITIVE_INFINITY } = context;
  if (now() + waitMs > Math.min(startedMs + RETRY_WITHIN_MS, deadlineMs - MARGIN_MS)) return false;
  return sleep(waitMs, signal).then(
    () => true,
    () => false,
  );
};

/**
 * Records the receipt under the key, and returns the one that the ledger holds.
 *
 * A delivery whose receipt is not recorded is not answered as delivered, even if Drive shows its file: a person may delete
 * or trash that file, or others may replace and move it. A later copy of the delivery could then not tell that it was
 * answered, and would write its bytes a second time.
 * @throws CourierError `google-unavailable` if the ledger does not take it
 */
export const recordReceipt = async (
  deliveryContext: Recording,
  claim: Claim | undefined,
  receipt: Receipt,
): Promise<Receipt> => {
  const { log, now } = deliveryContext;
  // Without a key there is nothing to record.
  if (claim === undefined) return receipt;
  const startedMs = now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await claim.finish(receipt);
    } catch (error) {
      log.warn({ error, fileId: receipt.id }, 'the receipt could not be recorded');
      const waitMs = RETRY_WAITS_MS[attempt];
      if (waitMs !== undefined && (await pause(waitMs, startedMs, deliveryContext))) continue;
      throw new CourierError('google-unavailable', {
        detail: 'The file is stored, but its receipt could not be recorded.',
        remedy: "Retry with the same Idempotency-Key: this won't create a duplicate.",
        cause: error,
      });
    }
  }
};
