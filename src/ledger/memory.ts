import type { Ledger, LedgerEntry } from './ledger.ts';
import { decodeRecord, encodeRecord, noClaim } from './record.ts';

interface Kept extends Omit<LedgerEntry, 'record'> {
  recordText: string | undefined;
  expiresAtMs: number;
}

interface MemoryLedgerOptions {
  /** Epoch milliseconds. */
  now: () => number;
  /** Beyond it the longest unchanged entry is forgotten, expired or not. */
  maxEntries?: number;
  /** How long an entry is kept after its last change. */
  ttlMs?: number;
}

const DEFAULT_MAX_ENTRIES = 10_000;
const DEFAULT_TTL_MS = 14 * 24 * 3_600_000;

const asEntry = ({ recordText, expiresAtMs: _, ...entry }: Kept): LedgerEntry => ({
  ...entry,
  ...decodeRecord(recordText),
});

/** A ledger of one process: it forgets everything when the process ends, and another instance knows nothing of it. */
export const createMemoryLedger = ({
  now,
  maxEntries = DEFAULT_MAX_ENTRIES,
  ttlMs = DEFAULT_TTL_MS,
}: MemoryLedgerOptions): Ledger => {
  // In the order of their last change, which is the order in which they expire.
  const entries = new Map<string, Kept>();

  const forgetExpired = (): void => {
    for (const [key, { expiresAtMs }] of entries) {
      if (expiresAtMs > now()) return;
      entries.delete(key);
    }
  };

  const keep = (key: string, kept: Omit<Kept, 'expiresAtMs'>): void => {
    entries.delete(key);
    const [oldest] = entries.keys();
    if (entries.size >= maxEntries && oldest !== undefined) entries.delete(oldest);
    entries.set(key, { ...kept, expiresAtMs: now() + ttlMs });
  };

  return {
    async claim(key, { record, ...entry }) {
      forgetExpired();
      const standing = entries.get(key);
      if (standing !== undefined) return { entry: asEntry(standing), mine: false };
      const recordText = encodeRecord(record);
      keep(key, { ...entry, recordText });
      return { entry: { ...entry, ...decodeRecord(recordText) }, mine: true };
    },
    async read(key) {
      forgetExpired();
      const standing = entries.get(key);
      return standing === undefined ? undefined : asEntry(standing);
    },
    async record(key, { state, record }) {
      forgetExpired();
      const standing = entries.get(key);
      if (standing === undefined) throw noClaim();
      keep(key, { ...standing, state, recordText: encodeRecord(record) });
    },
    async close() {
      entries.clear();
    },
  };
};
