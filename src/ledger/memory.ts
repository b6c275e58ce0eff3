import { CourierError } from '../errors.ts';
import { decodeRecord, encodeRecord, type Ledger, type LedgerEntry, noClaim, type StoredEntry } from './ledger.ts';

interface Kept extends Omit<StoredEntry, 'record'> {
  recordText: string | undefined;
  owner: string;
  bytes: number;
  changedAtMs: number;
}

interface MemoryLedgerOptions {
  /** Epoch milliseconds. */
  now: () => number;
  /** Estimated bytes of all entries. */
  maxBytes?: number;
  /** Milliseconds that an entry is kept after its last change. */
  ttlMs?: number;
}

/** About 50,000 deliveries with a key. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_TTL_MS = 14 * 24 * 3_600_000;

/** The largest share of the ledger that one caller may use, so that it cannot lock out the others. */
const MAX_SHARE_OF_ONE_OWNER = 0.5;

/** A finished entry is never removed before this age, because retries come within it. */
const MIN_AGE_MS = 3_600_000;

/** The memory of an entry besides its strings, measured in V8 with 100,000 entries. */
const ENTRY_OVERHEAD_BYTES = 600;

const asEntry = ({ recordText, owner: _, bytes: __, changedAtMs: ___, ...entry }: Kept): StoredEntry => ({
  ...entry,
  ...decodeRecord(recordText),
});

const atCapacity = (owner: 'caller' | 'all'): CourierError =>
  new CourierError('busy', {
    reason: owner === 'caller' ? 'ledger-share-full' : 'ledger-full',
    detail:
      owner === 'caller'
        ? "This caller has used up its share of this instance's ledger with unfinished or recent deliveries."
        : 'The ledger of this instance is full of unfinished or recent deliveries.',
    remedy: 'Send more slowly, or ask the operator to configure a Firestore ledger ("ledger: {firestore: {}}").',
    retryAfterSeconds: 60,
  });

/**
 * A ledger in the memory of one process: it is lost when the process ends, and other instances do not see it.
 * Its memory is bounded, in total and for each caller. Unfinished and recent entries are never evicted: a claim for which
 * there is no room is rejected, because a retry of an evicted key would create a second file.
 */
export const createMemoryLedger = ({
  now,
  maxBytes = DEFAULT_MAX_BYTES,
  ttlMs = DEFAULT_TTL_MS,
}: MemoryLedgerOptions): Ledger => {
  // Ordered by their last change, which is the order in which they expire.
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
    // V8 stores a string in two bytes per character if any of its characters is outside Latin-1.
    const bytes = ENTRY_OVERHEAD_BYTES + 2 * (key.length + kept.fingerprint.length + (kept.recordText?.length ?? 0));
    const stored = { ...kept, bytes, changedAtMs: now(), version: String(++versions) };
    entries.set(key, stored);
    account(kept.owner, bytes);
    return stored;
  };

  /** Evicts finished entries that are old enough, oldest first, until there is room. */
  const evictUntil = (hasRoom: () => boolean, isCandidate: (kept: Kept) => boolean): boolean => {
    if (hasRoom()) return true;
    for (const [key, kept] of entries) {
      if (kept.changedAtMs + MIN_AGE_MS > now()) break;
      if (kept.state !== 'done' || !isCandidate(kept)) continue;
      forget(key);
      if (hasRoom()) return true;
    }
    return false;
  };

  const makeRoom = (owner: string, bytes: number): void => {
    const ownHasRoom = (): boolean => (bytesByOwner.get(owner) ?? 0) + bytes <= maxBytes * MAX_SHARE_OF_ONE_OWNER;
    if (!evictUntil(ownHasRoom, (kept) => kept.owner === owner)) throw atCapacity('caller');
    if (
      !evictUntil(
        () => totalBytes + bytes <= maxBytes,
        () => true,
      )
    )
      throw atCapacity('all');
  };

  return {
    isShared: false,
    async claim(key, { record, ...entry }: LedgerEntry, owner = '') {
      forgetExpired();
      const stored = entries.get(key);
      if (stored !== undefined) {
        return { entry: asEntry(stored), mine: false, ageMs: now() - stored.changedAtMs };
      }
      const recordText = encodeRecord(record);
      makeRoom(owner, ENTRY_OVERHEAD_BYTES + 2 * (key.length + (recordText?.length ?? 0)));
      return { entry: asEntry(keep(key, { ...entry, recordText, owner })), mine: true };
    },
    async read(key) {
      forgetExpired();
      const stored = entries.get(key);
      return stored === undefined ? undefined : asEntry(stored);
    },
    async record(key, { state, record }, { version }) {
      forgetExpired();
      const stored = entries.get(key);
      if (stored === undefined) throw noClaim();
      if (stored.version !== version) return { entry: asEntry(stored), mine: false };
      return { entry: asEntry(keep(key, { ...stored, state, recordText: encodeRecord(record) })), mine: true };
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
