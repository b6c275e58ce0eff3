import { CourierError } from '../errors.ts';
import type { Ledger, LedgerEntry, StandingEntry } from './ledger.ts';
import { decodeRecord, encodeRecord, noClaim } from './record.ts';

interface Kept extends Omit<StandingEntry, 'record'> {
  recordText: string | undefined;
  owner: string;
  bytes: number;
  changedAtMs: number;
}

interface MemoryLedgerOptions {
  /** Epoch milliseconds. */
  now: () => number;
  /** Estimated bytes of all entries together. */
  maxBytes?: number;
  /** How long an entry is kept after its last change, in milliseconds. */
  ttlMs?: number;
}

/** About 50,000 deliveries with a key. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_TTL_MS = 14 * 24 * 3_600_000;

/** One caller may fill at most this share of the ledger, so that it cannot take the ledger from the others. */
const MAX_SHARE_OF_ONE_OWNER = 0.5;

/** A finished entry is not forgotten before this age, whatever the ledger holds: retries come within it. */
const MIN_KEPT_MS = 3_600_000;

/** What V8 needs for an entry beside its texts, measured with 100,000 of them. */
const ENTRY_OVERHEAD_BYTES = 600;

const asEntry = ({ recordText, owner: _, bytes: __, changedAtMs: ___, ...entry }: Kept): StandingEntry => ({
  ...entry,
  ...decodeRecord(recordText),
});

const atCapacity = (whose: string): CourierError =>
  new CourierError('busy', {
    detail: `The ledger of this instance is full: ${whose} has as many unfinished or recent deliveries as it can remember.`,
    remedy: 'Send more slowly, or let the operator configure a Firestore ledger ("ledger: {firestore: {}}").',
    retryAfterSeconds: 60,
  });

/**
 * A ledger of one process: it is lost when the process ends, and other instances do not see it.
 * It is bounded by memory, and by caller. Unfinished and recent entries are never forgotten to make room: a claim that
 * finds no room is refused, since forgetting a key would mean a second file for its next retry.
 */
export const createMemoryLedger = ({
  now,
  maxBytes = DEFAULT_MAX_BYTES,
  ttlMs = DEFAULT_TTL_MS,
}: MemoryLedgerOptions): Ledger => {
  // In the order of their last change, which is the order in which they expire.
  const entries = new Map<string, Kept>();
  const bytesByOwner = new Map<string, number>();
  let totalBytes = 0;
  let versions = 0;

  const account = (owner: string, bytes: number): void => {
    totalBytes += bytes;
    const used = (bytesByOwner.get(owner) ?? 0) + bytes;
    if (used <= 0) bytesByOwner.delete(owner);
    else bytesByOwner.set(owner, used);
  };

  const forget = (key: string): void => {
    const kept = entries.get(key);
    if (kept === undefined) return;
    entries.delete(key);
    account(kept.owner, -kept.bytes);
  };

  const forgetExpired = (): void => {
    for (const [key, { changedAtMs }] of entries) {
      if (changedAtMs + ttlMs > now()) return;
      forget(key);
    }
  };

  const keep = (key: string, kept: Omit<Kept, 'bytes' | 'changedAtMs' | 'version'>): Kept => {
    forget(key);
    // A character takes two bytes where one of the text is beyond Latin-1.
    const bytes = ENTRY_OVERHEAD_BYTES + 2 * (key.length + kept.fingerprint.length + (kept.recordText?.length ?? 0));
    const standing = { ...kept, bytes, changedAtMs: now(), version: String(++versions) };
    entries.set(key, standing);
    account(kept.owner, bytes);
    return standing;
  };

  /** Forgets finished entries that are old enough, oldest first, until the condition holds. */
  const forgetUntil = (hasRoom: () => boolean, isCandidate: (kept: Kept) => boolean): boolean => {
    if (hasRoom()) return true;
    for (const [key, kept] of entries) {
      if (kept.changedAtMs + MIN_KEPT_MS > now()) break;
      if (kept.state !== 'done' || !isCandidate(kept)) continue;
      forget(key);
      if (hasRoom()) return true;
    }
    return false;
  };

  const makeRoom = (owner: string, bytes: number): void => {
    const ownHasRoom = (): boolean => (bytesByOwner.get(owner) ?? 0) + bytes <= maxBytes * MAX_SHARE_OF_ONE_OWNER;
    if (!forgetUntil(ownHasRoom, (kept) => kept.owner === owner)) throw atCapacity('this caller');
    if (
      !forgetUntil(
        () => totalBytes + bytes <= maxBytes,
        () => true,
      )
    )
      throw atCapacity('everybody together');
  };

  return {
    isShared: false,
    async claim(key, { record, ...entry }: LedgerEntry, owner = '') {
      forgetExpired();
      const standing = entries.get(key);
      if (standing !== undefined) return { entry: asEntry(standing), mine: false };
      const recordText = encodeRecord(record);
      makeRoom(owner, ENTRY_OVERHEAD_BYTES + 2 * (key.length + (recordText?.length ?? 0)));
      return { entry: asEntry(keep(key, { ...entry, recordText, owner })), mine: true };
    },
    async read(key) {
      forgetExpired();
      const standing = entries.get(key);
      return standing === undefined ? undefined : asEntry(standing);
    },
    async record(key, { state, record }, { version }) {
      forgetExpired();
      const standing = entries.get(key);
      if (standing === undefined) throw noClaim();
      if (standing.version !== version) return { entry: asEntry(standing), mine: false };
      return { entry: asEntry(keep(key, { ...standing, state, recordText: encodeRecord(record) })), mine: true };
    },
    async release(key, version) {
      if (entries.get(key)?.version === version) forget(key);
    },
    async close() {
      entries.clear();
      bytesByOwner.clear();
      totalBytes = 0;
    },
  };
};
