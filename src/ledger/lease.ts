import { randomUUID } from 'node:crypto';
import { abortReason, CourierError } from '../errors.ts';
import { realSleep, type Sleep } from '../sleep.ts';
import type { Ledger, StoredEntry } from './ledger.ts';

/**
 * A lease is a lock that ends if its process dies: an entry in the ledger that its holder renews while it works and
 * removes when it is done. Another holder can take over only an expired lease.
 */
export interface Lease {
  /**
   * Aborts when the lease is about to expire and could not be renewed (the ledger is unreachable). From then on the
   * holder must not start anything that the lease protects.
   */
  readonly signal: AbortSignal;
  /** True if the previous holder let the lease expire: it may have died in the middle of its work. */
  readonly takenOver: boolean;
  /** Ends the lease now, so that the next holder does not wait. Never throws, because the lease would expire anyway. */
  release(): Promise<void>;
  /** Stops renewing and lets the lease expire: for work whose outcome is unknown and may still take effect. */
  abandon(): void;
}

export interface LeaseTimes {
  /** Epoch milliseconds. */
  now: () => number;
  sleep?: Sleep;
  /** Milliseconds until a lease that is not renewed expires. */
  ttlMs?: number;
}

export interface LeaseWait {
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds by which the request must be answered. */
  deadlineMs?: number | undefined;
}

/** Longer than the time in which a request to Drive can still take effect after its process died. */
const DEFAULT_TTL_MS = 30_000;

/** The clocks of instances may differ by this much. A lease is taken over only if it expired longer ago. */
const CLOCK_SKEW_MS = 2_000;

/** Intervals between two checks of a lease that another holder has. */
const MIN_POLL_MS = 50;
const MAX_POLL_MS = 1_000;

/** A wait ends this long before the deadline, so that there is time for the answer. */
const MARGIN_MS = 3_000;

const expiryOf = ({ record }: StoredEntry): number => (record as { expiresAtMs: number }).expiresAtMs;

/** Takes the lease if it is free or expired; otherwise returns until when its holder has it. */
const tryToAcquire = async (
  ledger: Ledger,
  key: string,
  { now, ttlMs }: { now: () => number; ttlMs: number },
): Promise<{ entry: StoredEntry; takenOver: boolean } | { heldUntilMs: number }> => {
  const record = { expiresAtMs: now() + ttlMs };
  const entry = { fileId: '', fingerprint: randomUUID(), state: 'claimed', record, claimedAtMs: now() } as const;
  const claimed = await ledger.claim(key, entry);
  if (claimed.mine) return { entry: claimed.entry, takenOver: false };
  const heldUntilMs = expiryOf(claimed.entry);
  if (now() < heldUntilMs + CLOCK_SKEW_MS) return { heldUntilMs };
  const taken = await ledger
    .record(key, { state: 'claimed', record: { expiresAtMs: now() + ttlMs } }, claimed.entry)
    .catch(() => undefined);
  return taken?.mine ? { entry: taken.entry, takenOver: true } : { heldUntilMs: now() };
};

const lost = (): CourierError =>
  new CourierError('google-unavailable', {
    cause: new Error('a lease in the ledger could not be renewed before it expired'),
  });

const hold = (
  ledger: Ledger,
  key: string,
  acquired: { entry: StoredEntry; takenOver: boolean },
  { now, sleep, ttlMs }: Required<LeaseTimes>,
): Lease => {
  const expiring = new AbortController();
  const ended = new AbortController();
  let { entry } = acquired;
  let renewing: Promise<void> = Promise.resolve();

  const renew = async (): Promise<void> => {
    const record = { expiresAtMs: now() + ttlMs };
    const renewed = await ledger.record(key, { state: 'claimed', record }, entry);
    entry = renewed.entry;
    if (!renewed.mine) expiring.abort(lost());
  };

  /** Renews after each third of the lease's lifetime, and stops trying when a third is left. */
  const keepAlive = async (): Promise<void> => {
    while (!ended.signal.aborted && !expiring.signal.aborted) {
      await sleep(ttlMs / 3, ended.signal);
      if (ended.signal.aborted) return;
      const answered = new AbortController();
      renewing = renew();
      renewing.catch(() => undefined).finally(() => answered.abort());
      const left = expiryOf(entry) - ttlMs / 3 - now();
      // A ledger that does not answer must not keep the holder from giving up in time.
      await sleep(left, AbortSignal.any([answered.signal, ended.signal])).catch(() => undefined);
      if (ended.signal.aborted) return;
      if (now() >= expiryOf(entry) - ttlMs / 3) expiring.abort(lost());
    }
  };
  keepAlive().catch(() => undefined);

  return {
    signal: expiring.signal,
    takenOver: acquired.takenOver,
    async release() {
      ended.abort();
      await renewing.catch(() => undefined);
      await ledger.release(key, entry.version).catch(() => undefined);
    },
    abandon: () => ended.abort(),
  };
};

/**
 * Waits for a lease and takes it.
 * @param holder what the wait is for, as a noun phrase that begins a sentence ("Another delivery to this file")
 * @throws CourierError `drive-unavailable` if the deadline comes before the lease is free; the signal's reason if it aborts
 */
export const acquireLease = async (
  ledger: Ledger,
  key: string,
  holder: string,
  { signal, deadlineMs = Infinity }: LeaseWait,
  { now, sleep = realSleep, ttlMs = DEFAULT_TTL_MS }: LeaseTimes,
): Promise<Lease> => {
  for (let pollMs = MIN_POLL_MS; ; pollMs = Math.min(MAX_POLL_MS, 2 * pollMs)) {
    if (signal?.aborted) throw abortReason(signal);
    const acquired = await tryToAcquire(ledger, key, { now, ttlMs });
    if ('entry' in acquired) return hold(ledger, key, acquired, { now, sleep, ttlMs });
    if (now() + pollMs + MARGIN_MS > deadlineMs) {
      const leftMs = Math.max(1_000, acquired.heldUntilMs + CLOCK_SKEW_MS - now());
      throw new CourierError('drive-unavailable', {
        detail: `${holder} is still in progress.`,
        retryAfterSeconds: Math.ceil(leftMs / 1_000),
      });
    }
    // If the signal ended the wait, the next iteration throws.
    await sleep(pollMs, signal).catch(() => undefined);
  }
};
