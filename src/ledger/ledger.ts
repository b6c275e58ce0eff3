/** What the ledger remembers under a key. `fileId` never changes once claimed. */
export interface LedgerEntry {
  /** The Drive id that was chosen before any byte was sent; "" where the entry is about no file. */
  fileId: string;
  /** Hex SHA-256 of what the claim was for (request options), so that a reused key is noticed. */
  fingerprint: string;
  state: 'claimed' | 'done';
  /** JSON that its writer understands: the plan while claimed, the receipt when done. At most 100 KB. */
  record?: unknown;
  /** Epoch milliseconds. */
  claimedAtMs: number;
}

/** An entry as it stands in the ledger. */
export interface StandingEntry extends LedgerEntry {
  /** Opaque; every write gives the entry another one. */
  version: string;
}

/** What a write came to: the entry that stands in the ledger now, and whether this call wrote it. */
export interface LedgerWrite {
  entry: StandingEntry;
  mine: boolean;
}

/**
 * Which key got which file. A store needs three operations: create if absent, read, and compare-and-set.
 * Keys are any text up to 4 KB (they are hashed before they become document names).
 * Every method throws CourierError `google-unavailable` when the store cannot be reached: nobody carries on without it.
 */
export interface Ledger {
  /** Whether other instances see it, and it outlives this one. */
  readonly isShared: boolean;
  /**
   * Creates the entry if there is none.
   * @param owner whose share of a bounded ledger the entry counts towards (a caller's `sub`)
   * @throws CourierError `busy` where the owner has used its share
   */
  claim(key: string, entry: LedgerEntry, owner?: string): Promise<LedgerWrite>;
  read(key: string): Promise<StandingEntry | undefined>;
  /**
   * Replaces state and record, provided that the entry has not changed since it was read: of several writers that read
   * the same entry, one succeeds, and the others get what it wrote.
   * @param standing the entry as it was read or written last
   * @throws CourierError `google-unavailable` where there is no entry any more (it has expired)
   */
  record(key: string, change: Pick<LedgerEntry, 'state' | 'record'>, standing: StandingEntry): Promise<LedgerWrite>;
  /** Removes an entry that still has this version; otherwise does nothing. */
  release(key: string, version: string): Promise<void>;
  close(): Promise<void>;
}

/** A view of a ledger in which whatever is claimed counts towards one owner's share. */
export const ledgerOf = (ledger: Ledger, owner: string): Ledger => ({
  ...ledger,
  claim: (key, entry) => ledger.claim(key, entry, owner),
});
