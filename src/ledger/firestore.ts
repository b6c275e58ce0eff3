import { randomUUID } from 'node:crypto';
import { CourierError } from '../errors.ts';
import {
  createFirestoreDocuments,
  type DocumentVersion,
  type FirestoreOptions,
  type LedgerDocument,
} from './firestore-documents.ts';
import { decodeRecord, encodeRecord, type Ledger, noClaim, type StoredEntry } from './ledger.ts';

export interface FirestoreLedgerOptions extends FirestoreOptions {
  /** Epoch milliseconds. */
  now: () => number;
}

const asEntry = ({
  document: { recordText, claimId: _, changeId: __, ...entry },
  version,
}: DocumentVersion): StoredEntry => ({ ...entry, ...decodeRecord(recordText), version });

/**
 * A ledger that all instances share, in a Firestore collection with a TTL policy on `expireAt`. Firestore deletes an
 * entry within about a day after that time. Until then the entry has its full effect.
 */
export const createFirestoreLedger = ({ now, ...options }: FirestoreLedgerOptions): Ledger => {
  const documents = createFirestoreDocuments(options);
  const expireAt = (): Date => new Date(now() + options.config.ttlDays * 86_400_000);

  return {
    isShared: true,
    async claim(key, { record, ...entry }) {
      const claimId = randomUUID();
      const document: LedgerDocument = { ...entry, claimId, recordText: encodeRecord(record) };
      for (let attempt = 1; attempt <= 2; attempt++) {
        const created = await documents.create(key, document, expireAt());
        if (created !== 'exists') return { entry: asEntry({ document, ...created }), mine: true };
        const stored = await documents.read(key);
        if (stored !== undefined) {
          // If the answer to our own write was lost, the library sends it again, and it fails with ALREADY_EXISTS.
          const mine = stored.document.claimId === claimId && stored.document.changeId === undefined;
          return { entry: asEntry(stored), mine, ...(mine ? {} : { ageMs: stored.ageMs }) };
        }
        // The entry expired between the two calls, and Firestore deleted it.
      }
      throw new CourierError('google-unavailable', { cause: new Error('a ledger entry appears and disappears') });
    },
    async read(key) {
      const stored = await documents.read(key);
      return stored === undefined ? undefined : asEntry(stored);
    },
    async record(key, { state, record }, { version, record: _, ...claimed }) {
      const recordText = encodeRecord(record);
      const changeId = randomUUID();
      const updated = await documents.update(key, { state, recordText, changeId, expireAt: expireAt() }, version);
      if (updated === 'missing') throw noClaim();
      if (updated !== 'changed') {
        return { entry: { ...claimed, state, ...decodeRecord(recordText), ...updated }, mine: true };
      }
      // By another writer or by us: a write whose answer was lost is sent again by the library, and fails against itself.
      const stored = await documents.read(key);
      if (stored === undefined) throw noClaim();
      return { entry: asEntry(stored), mine: stored.document.changeId === changeId };
    },
    release: documents.remove,
    async close() {
      documents.close();
    },
  };
};
