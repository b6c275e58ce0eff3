import { randomUUID } from 'node:crypto';
import { abortReason, CourierError } from '../errors.ts';
import { realSleep, type Sleep } from '../sleep.ts';
import type { UnansweredRequests } from '../unanswered-requests.ts';
import type { Ledger, LedgerWrite, StoredEntry } from './ledger.ts';

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
  /**
   * Aborts the signal now if the lease is about to expire. Call it immediately before the lease protects something: the
   * process may have been paused, for example by Cloud Run, and its timers may not have run since.
   */
  check(): void;
  /** True if the previous holder let the lease expire: it may have died in the middle of its work. */
  readonly takenOver: boolean;
  /** Ends the lease now, so that the next holder does not wait. Never throws, because the lease would expire anyway. */
  release(): Promise<void>;
  /**
   * Renews the lease once more and lets it expire: for work whose outcome is unknown and may still take effect. Never throws.
   * @param unanswered what shows that the work has taken effect, for holders that can find out and need not wait then
   */
  abandon(unanswered?: UnansweredWork): Promise<void>;
}

/** What one holder of a lease tells the next one, and what the next one does before it takes the lease over. */
interface TakeoverOptions {
  /** What its work can be found and ended by, such as the URI of an upload session. */
  note?: string | undefined;
  /**
   * Called with the note of a holder whose lease has expired, before the lease is taken over: its work may still take effect.
   * If this throws, the lease is not taken.
   */
  endFormerWork?: ((note: string) => Promise<void>) | undefined;
  /** Whether the work of the former holder has taken effect, so that the lease need not expire first. */
  hasTakenEffect?: ((work: UnansweredWork) => Promise<boolean>) | undefined;
}

/** Work of a former holder that may still take effect. */
export interface UnansweredWork {
  /** The mark of the key whose later tries can recognize the effect. */
  by: string;
  effect: 'created' | 'replaced';
}

interface LeaseTimes {
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
  /** Milliseconds after which the wait ends at the latest. */
  maxWaitMs?: number | undefined;
}

/** Longer than the time in which a request to Drive can still take effect after its process died. */
const DEFAULT_TTL_MS = 30_000;

/** A lease is taken over only if it expired longer ago. Its holder stops earlier, see `keepAlive`. */
const MARGIN_OF_EXPIRY_MS = 2_000;

/** Intervals between two checks of a lease that another holder has. */
const MIN_POLL_MS = 50;
const MAX_POLL_MS = 1_000;

/** A wait ends this long before the deadline, so that there is time for the answer. */
const MARGIN_MS = 3_000;

/** What the ledger keeps of a lease. */
interface LeaseRecord {
  /** Epoch milliseconds of the holder's clock. */
  expiresAtMs: number;
  /** Missing in leases of versions before this member. */
  ttlMs?: number;
  /** See `TakeoverOptions`. */
  note?: string;
  /** Set if the holder has abandoned the lease. */
  abandoned?: true;
  /** See `Lease.abandon`. */
  unanswered?: UnansweredWork;
}

const recordOf = (nowMs: number, { ttlMs, note }: { ttlMs: number; note?: string | undefined }): LeaseRecord => ({
  ...{ expiresAtMs: nowMs + ttlMs, ttlMs },
  ...(note === undefined ? {} : { note }),
});

const expiryOf = ({ record }: StoredEntry): number => (record as LeaseRecord).expiresAtMs;

/**
 * Until when another holder has a lease, by this instance's clock. Clocks may differ by minutes, so the time of the last
 * renewal is that of the ledger, if it tells.
 */
const heldUntil = ({ entry, ageMs }: LedgerWrite, nowMs: number, ownTtlMs: number): number => {
  const { expiresAtMs, ttlMs = ownTtlMs } = entry.record as LeaseRecord;
  return ageMs === undefined ? expiresAtMs : nowMs - ageMs + ttlMs;
};

/** Takes the lease if it is free, expired, or if abandoned work has taken effect since; otherwise returns until when its holder has it. */
const tryToAcquire = async (
  ledger: Ledger,
  key: string,
  { now, ttlMs, note, endFormerWork, hasTakenEffect }: { now: () => number; ttlMs: number } & TakeoverOptions,
): Promise<{ entry: StoredEntry; takenOver: boolean } | { heldUntilMs: number }> => {
  const record = recordOf(now(), { ttlMs, note });
  const entry = { fileId: '', fingerprint: randomUUID(), state: 'claimed', record, claimedAtMs: now() } as const;
  const claimed = await ledger.claim(key, entry);
  if (claimed.mine) return { entry: claimed.entry, takenOver: false };
  const heldUntilMs = heldUntil(claimed, now(), ttlMs);
  const { unanswered, note: formerNote } = claimed.entry.record as LeaseRecord;
  if (now() < heldUntilMs + MARGIN_OF_EXPIRY_MS) {
    const isOver = unanswered !== undefined && (await hasTakenEffect?.(unanswered).catch(() => false)) === true;
    if (!isOver) return { heldUntilMs };
  }
  // If the answer to an earlier claim of this holder was lost, the note is its own.
  if (formerNote !== undefined && formerNote !== note) await endFormerWork?.(formerNote);
  const taken = await ledger
    .record(key, { state: 'claimed', record: recordOf(now(), { ttlMs, note }) }, claimed.entry)
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
  { now, sleep, ttlMs, note }: Required<LeaseTimes> & Pick<TakeoverOptions, 'note'>,
): Lease => {
  const expiring = new AbortController();
  const ended = new AbortController();
  let { entry } = acquired;
  let renewing: Promise<void> = Promise.resolve();

  const renew = async (): Promise<void> => {
    const renewed = await ledger.record(key, { state: 'claimed', record: recordOf(now(), { ttlMs, note }) }, entry);
    entry = renewed.entry;
    if (!renewed.mine) expiring.abort(lost());
  };

  /** Gives up when a third of the lease's lifetime is left. */
  const giveUpInTime = (): void => {
    if (!expiring.signal.aborted && now() >= expiryOf(entry) - ttlMs / 3) expiring.abort(lost());
  };

  /**
   * Renews after each third of the lease's lifetime. A renewal has until two thirds have passed since the one before; after
   * that the holder gives up, and the last third is left for what it has already sent. Only then may another holder take over.
   */
  const keepAlive = async (): Promise<void> => {
    while (!ended.signal.aborted && !expiring.signal.aborted) {
      await sleep(ttlMs / 3, ended.signal);
      if (ended.signal.aborted) return;
      const answered = new AbortController();
      renewing = renew();
      renewing.catch(() => undefined).finally(() => answered.abort());
      const untilGivingUpMs = expiryOf(entry) - ttlMs / 3 - now();
      // A ledger that does not answer must not keep the holder from giving up in time.
      await sleep(untilGivingUpMs, AbortSignal.any([answered.signal, ended.signal])).catch(() => undefined);
      if (ended.signal.aborted) return;
      giveUpInTime();
    }
  };
  keepAlive().catch(() => undefined);

  return {
    signal: expiring.signal,
    check: giveUpInTime,
    takenOver: acquired.takenOver,
    async release() {
      ended.abort();
      await renewing.catch(() => undefined);
      await ledger.release(key, entry.version).catch(() => undefined);
    },
    async abandon(unanswered) {
      ended.abort();
      await renewing.catch(() => undefined);
      const record: LeaseRecord = {
        ...recordOf(now(), { ttlMs, note }),
        abandoned: true,
        ...(unanswered && { unanswered }),
      };
      await ledger.record(key, { state: 'claimed', record }, entry).catch(() => undefined);
    },
  };
};

/** The key of the lease of a file, for all that replaces its bytes or moves it to the trash. */
export const fileLeaseKey = (fileId: string): string => `write:${fileId}`;

/** Call it immediately before something that only the holder may do. @throws CourierError if the lease is about to expire */
export const mustHold = ({ check, signal }: Pick<Lease, 'check' | 'signal'>): void => {
  check();
  if (signal.aborted) throw abortReason(signal);
};

/**
 * The context of calls that a lease protects: after it has expired, none of them is sent any more. The lease is checked after
 * the context's own `beforeSend`, which may take time.
 */
export const underLease = <
  Context extends { signal?: AbortSignal | undefined; beforeSend?: (() => void | Promise<void>) | undefined },
>(
  { signal, check }: Pick<Lease, 'signal' | 'check'>,
  context: Context,
): Context & { beforeSend: () => Promise<void> } => ({
  ...context,
  signal: context.signal === undefined ? signal : AbortSignal.any([context.signal, signal]),
  async beforeSend() {
    await context.beforeSend?.();
    check();
  },
});

/** Ends a lease. If a request may still take effect, nobody else gets the lease before that is over. */
export const endLease = (
  lease: Pick<Lease, 'release' | 'abandon'>,
  requests: Pick<UnansweredRequests, 'count'>,
): Promise<void> => (requests.count() > 0 ? lease.abandon() : lease.release());

/**
 * Tries until something is done, and waits as long as another holder's lease is in the way.
 * @param holder what the wait is for, as a noun phrase that begins a sentence ("Another delivery to this file")
 * @throws CourierError `drive-unavailable` if the wait ends before that; the signal's reason if it aborts
 */
const tryUntilDone = async <Done extends object>(
  holder: string,
  { signal, deadlineMs = Infinity, maxWaitMs = Infinity }: LeaseWait,
  { now, sleep = realSleep }: LeaseTimes,
  tryOnce: () => Promise<Done | { heldUntilMs: number }>,
): Promise<Done> => {
  const endMs = Math.min(deadlineMs - MARGIN_MS, now() + maxWaitMs);
  for (let pollMs = MIN_POLL_MS; ; pollMs = Math.min(MAX_POLL_MS, 2 * pollMs)) {
    if (signal?.aborted) throw abortReason(signal);
    const outcome = await tryOnce();
    if (!('heldUntilMs' in outcome)) return outcome;
    if (now() + pollMs > endMs) {
      const leftMs = Math.max(1_000, outcome.heldUntilMs + MARGIN_OF_EXPIRY_MS - now());
      const retryAfterSeconds = Math.ceil(leftMs / 1_000);
      throw new CourierError('drive-unavailable', { detail: `${holder} is still in progress.`, retryAfterSeconds });
    }
    // If the signal ended the wait, the next iteration throws.
    await sleep(pollMs, signal).catch(() => undefined);
  }
};

/** Waits for a lease and takes it. @throws CourierError as `tryUntilDone` does */
export const acquireLease = async (
  ledger: Ledger,
  key: string,
  holder: string,
  wait: LeaseWait,
  { now, sleep = realSleep, ttlMs = DEFAULT_TTL_MS, note, endFormerWork, hasTakenEffect }: LeaseTimes & TakeoverOptions,
): Promise<Lease> => {
  const options = { now, ttlMs, note, endFormerWork, hasTakenEffect };
  const acquired = await tryUntilDone(holder, wait, { now, sleep }, () => tryToAcquire(ledger, key, options));
  return hold(ledger, key, acquired, { now, sleep, ttlMs, note });
};

/**
 * Waits until the work of a holder that has abandoned its lease can no longer take effect. A lease that is in use is not waited
 * for. Its holder has taken it after such work was over.
 * @returns whether it has waited
 * @throws CourierError as `tryUntilDone` does
 */
export const waitForAbandonedWork = async (
  ledger: Ledger,
  key: string,
  holder: string,
  wait: LeaseWait,
  { now, sleep = realSleep, ttlMs = DEFAULT_TTL_MS }: LeaseTimes,
): Promise<boolean> => {
  let tries = 0;
  await tryUntilDone(holder, wait, { now, sleep }, async () => {
    tries += 1;
    const entry = await ledger.read(key);
    if ((entry?.record as LeaseRecord | undefined)?.abandoned === undefined) return {};
    const acquired = await tryToAcquire(ledger, key, { now, ttlMs });
    if ('entry' in acquired) await ledger.release(key, acquired.entry.version).catch(() => undefined);
    return acquired;
  });
  return tries > 1;
};
