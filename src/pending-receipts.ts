import type { Log } from './log.ts';

/** Each takes a few kilobytes. At a hundred deliveries a second, it is what Pub/Sub may fail to answer for 20 seconds. */
const MAX_PENDING = 2_000;

/** Receipts that are being published. A delivery does not wait for them, but the end of the process does. */
export interface PendingReceipts {
  add(facts: Readonly<Record<string, unknown>>): void;
  all(): readonly Promise<void>[];
}

/**
 * Limits the receipts that are in memory because Pub/Sub does not answer. What has no room is logged instead of published.
 * @param publish never rejects
 */
export const createPendingReceipts = (
  publish: (facts: Readonly<Record<string, unknown>>) => Promise<void>,
  log: Log,
): PendingReceipts => {
  const pending = new Set<Promise<void>>();
  return {
    add(facts) {
      if (pending.size >= MAX_PENDING) {
        const { fileId } = facts;
        log.error({ fileId }, 'a receipt is not published, because too many others wait for Pub/Sub');
        return;
      }
      const published = publish(facts);
      pending.add(published);
      void published.finally(() => pending.delete(published));
    },
    all: () => [...pending],
  };
};
