import { randomUUID } from 'node:crypto';
import { abortReason, CourierError } from '../errors.ts';
import { realSleep, type Sleep } from '../sleep.ts';
import type { Ledger, StandingEntry } from './ledger.ts';

/**
 * A lease is a lock that a dead process cannot keep: an entry in the ledger that its holder renews while it works and
 * removes when it is done. Only a lease that has lapsed is taken over.
 */
export interface Lease {
  /**
   * Ends when the lease is about to lapse without having been renewed (the ledger is out of reach). From then on the
   * holder must not begin anything that the lease protects.
   */
  readonly signal: AbortSignal;
  /** True where another holder had the lease and let it lapse: it may have died in the middle of its work. */
  readonly takenOver: boolean;
  /** Ends the lease at once, so that the next one need not wait. Never throws: it would lapse anyway. */
  release(): Promise<void>;
  /** Stops renewing and lets the lease lapse: for work whose outcome is unknown and may still come. */
  abandon(): void;
}

export interface LeaseTimes {
  /** Epoch milliseconds. */
  now: () => number;
  sleep?: Sleep;
  /** How long the lease holds without being renewed. */
  ttlMs?: number;
}

export interface LeaseWait {
  signal?: AbortSignal | undefined;
  /** Epoch milliseconds by which an answer must be out. */
  deadlineMs?: number | undefined;
}

/** Longer than a request to Drive that its process did not live to see answered can take effect. */
const DEFAULT_TTL_MS = 30_000;

/** Instances' clocks may differ by this much; only a lease that lapsed longer ago is taken over. */
const CLOCK_SKEW_MS = 2_000;

/** Pauses between two looks at a lease that somebody else holds. */
const FIRST_LOOK_MS = 50;
const MAX_LOOK_MS = 1_000;

/** Before the deadline at which a wait ends, so that an answer gets out. */
const MARGIN_MS = 3_000;

const expiryOf = ({ record }: StandingEntry): number => (record as { expiresAtMs: number }).expiresAtMs;

/** Takes the lease if it is free or has lapsed; otherwise says until when its holder has it. */
const tryToAcquire = async (
  ledger: Ledger,
  key: string,
  { now, ttlMs }: { now: () => number; ttlMs: number },
): Promise<{ entry: StandingEntry; takenOver: boolean } | { heldUntilMs: number }> => {
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
  new CourierError('google-unavailable', { cause: new Error('a lease in the ledger could not be renewed in time') });

const hold = (
  ledger: Ledger,
  key: string,
  acquired: { entry: StandingEntry; takenOver: boolean },
  { now, sleep, ttlMs }: Required<LeaseTimes>,
): Lease => {
  const lapsing = new AbortController();
  const ended = new AbortController();
  let { entry } = acquired;
  let renewing: Promise<void> = Promise.resolve();

  const renew = async (): Promise<void> => {
    const record = { expiresAtMs: now() + ttlMs };
    const renewed = await ledger.record(key, { state: 'claimed', record }, entry);
    entry = renewed.entry;
    if (!renewed.mine) lapsing.abort(lost());
  };

  /** Renews after each third of the time to live; gives up a third before the end. */
  const keepAlive = async (): Promise<void> => {
    while (!ended.signal.aborted && !lapsing.signal.aborted) {
      await sleep(ttlMs / 3, ended.signal);
      if (ended.signal.aborted) return;
      renewing = renew();
      await renewing.catch(() => undefined);
      if (now() > expiryOf(entry) - ttlMs / 3) lapsing.abort(lost());
    }
  };
  keepAlive().catch(() => undefined);

  return {
    signal: lapsing.signal,
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
 * @param whose what is waited for, as a noun phrase that begins a sentence ("Another delivery to this file")
 * @throws CourierError `drive-unavailable` when the time is up before the lease is free; the signal's reason when it aborts
 */
export const acquireLease = async (
  ledger: Ledger,
  key: string,
  whose: string,
  { signal, deadlineMs = Infinity }: LeaseWait,
  { now, sleep = realSleep, ttlMs = DEFAULT_TTL_MS }: LeaseTimes,
): Promise<Lease> => {
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(MAX_LOOK_MS, 2 * lookMs)) {
    if (signal?.aborted) throw abortReason(signal);
    const acquired = await tryToAcquire(ledger, key, { now, ttlMs });
    if ('entry' in acquired) return hold(ledger, key, acquired, { now, sleep, ttlMs });
    if (now() + lookMs + MARGIN_MS > deadlineMs) {
      const leftMs = Math.max(1_000, acquired.heldUntilMs + CLOCK_SKEW_MS - now());
      throw new CourierError('drive-unavailable', {
        detail: `${whose} is still at work.`,
        retryAfterSeconds: Math.ceil(leftMs / 1_000),
      });
    }
    // A wait that the signal has ended is noticed by the next look.
    await sleep(lookMs, signal).catch(() => undefined);
  }
};
