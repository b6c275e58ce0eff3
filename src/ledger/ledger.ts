/** What the ledger remembers under a key. `fileId` never changes once claimed. */
export interface LedgerEntry {
  /** The Drive id that was chosen before any byte went out. */
  fileId: string;
  /** Hex SHA-256 of what the claim was for (request options), so that a reused key is noticed. */
  fingerprint: string;
  state: 'claimed' | 'done';
  /** JSON that its writer understands: the receipt when done, a session to go on from when claimed. At most 100 KB. */
  record?: unknown;
  claimedAtMs: number;
}

/**
 * Which key got which file. The whole of what is asked of a store: create-if-absent, read, and overwrite of the record.
 * Keys are any text up to 4 KB (they are hashed before they become document names).
 * Every method throws CourierError `google-unavailable` when the store cannot be reached: nobody carries on without it.
 */
export interface Ledger {
  /** Creates the entry if there is none; answers what now stands there, and whether this call made it. */
  claim(key: string, entry: LedgerEntry): Promise<{ entry: LedgerEntry; mine: boolean }>;
  read(key: string): Promise<LedgerEntry | undefined>;
  /** Replaces state and record of a claimed entry; the last writer wins. */
  record(key: string, change: Pick<LedgerEntry, 'state' | 'record'>): Promise<void>;
  close(): Promise<void>;
}
