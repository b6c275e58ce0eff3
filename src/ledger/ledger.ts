import { CourierError } from '../errors.ts';

/** What the ledger stores for an idempotency key. `fileId` never changes after the claim. */
export interface LedgerEntry {
  /** The Drive id that was chosen before any byte was sent; "" if the entry is not about a file. */
  fileId: string;
  /** Hex SHA-256 of the request's options, to detect a key that is reused for another request. */
  fingerprint: string;
  state: 'claimed' | 'done';
  /** JSON in the writer's own form: the plan while claimed, the receipt when done. At most 100 KB. */
  record?: unknown;
  /** Epoch milliseconds. */
  claimedAtMs: number;
}

/** An entry that is stored in the ledger. */
export interface StoredEntry extends LedgerEntry {
  /** Opaque; it changes with every write. */
  version: string;
}

/** The result of a write: the entry that is stored now, and whether this call wrote it. */
export interface LedgerWrite {
  entry: StoredEntry;
  mine: boolean;
  /**
   * Milliseconds since the last change of an entry that another writer has. Both times are of the store's own clock, because
   * the clocks of instances differ. Only some stores report it, and only when a claim finds the entry.
   */
  ageMs?: number;
}

/**
 * Stores which idempotency key belongs to which file. A store needs three operations: create if absent, read, and compare-and-set.
 * A key is any text up to 4 KB (it is hashed before it becomes a document name).
 * Every method throws CourierError `google-unavailable` when the store cannot be reached: no delivery continues without it.
 */
export interface Ledger {
  /** True if other instances see the entries, and the entries outlive this instance. */
  readonly isShared: boolean;
  /**
   * Creates the entry if there is none.
   * @param owner the caller (`sub`) whose share of a bounded ledger the entry counts towards
   * @throws CourierError `busy` if the owner has used up its share
   */
  claim(key: string, entry: LedgerEntry, owner?: string): Promise<LedgerWrite>;
  read(key: string): Promise<StoredEntry | undefined>;
  /**
   * Replaces state and record if the entry has not changed since it was read: of several writers that read the same
   * entry, one succeeds, and the others get what it wrote.
   * @param stored the entry as it was last read or written
   * @throws CourierError `google-unavailable` if the entry no longer exists (it has expired)
   */
  record(key: string, change: Pick<LedgerEntry, 'state' | 'record'>, stored: StoredEntry): Promise<LedgerWrite>;
  /** Removes an entry that still has this version; otherwise does nothing. */
  release(key: string, version: string): Promise<void>;
  close(): Promise<void>;
}

/** A view of a ledger in which all claims count towards one owner's share. */
export const ledgerOf = (ledger: Ledger, owner: string): Ledger => ({
  ...ledger,
  claim: (key, entry) => ledger.claim(key, entry, owner),
});

/** UTF-8 bytes of JSON, well below Firestore's limit of 1 MiB per document. */
const MAX_RECORD_BYTES = 102_400;

/** A record as it is stored: JSON text, so that every ledger keeps its own copy and accepts any shape. */
export const encodeRecord = (record: unknown): string | undefined => {
  if (record === undefined) return undefined;
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) > MAX_RECORD_BYTES) {
    throw new CourierError('internal', { cause: new Error(`a ledger record has more than ${MAX_RECORD_BYTES} bytes`) });
  }
  return text;
};

/** The entry's `record` property, which is absent when nothing was recorded. */
export const decodeRecord = (text: string | undefined): { record?: unknown } =>
  text === undefined ? {} : { record: JSON.parse(text) };

/** A record for a claim that has expired or does not exist. A retry of the delivery makes a new claim. */
export const noClaim = (cause?: unknown): CourierError =>
  new CourierError('google-unavailable', { cause: new Error('this key has no claim', { cause }) });
