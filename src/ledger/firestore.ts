import { createHash, randomUUID } from 'node:crypto';
import type { CollectionReference, Firestore } from '@google-cloud/firestore';
import { z } from 'zod';
import type { LedgerConfig } from '../config/ledger.ts';
import { CourierError } from '../errors.ts';
import type { Bearer } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { createWire } from './firestore-wire.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import { decodeRecord, encodeRecord, noClaim } from './record.ts';

/** The bearer is the runtime's own identity; an emulator does not get to see it. */
export interface FirestoreLedgerOptions extends Bearer {
  config: Exclude<LedgerConfig, 'memory'>['firestore'];
  /** The runtime's own project, asked for when the configuration names none. */
  project(): Promise<string>;
  /** The transport's `fetch`. */
  fetch: typeof globalThis.fetch;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
  /** Milliseconds for one call with all its attempts. */
  callTimeoutMs?: number;
  /** Milliseconds for one attempt. */
  attemptTimeoutMs?: number;
}

const CALL_TIMEOUT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 4_000;

/** gRPC's codes, as the library's errors carry them. */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;

const stored = z.object({
  fileId: z.string(),
  fingerprint: z.string(),
  state: z.enum(['claimed', 'done']),
  recordText: z.string().optional(),
  claimedAtMs: z.number(),
  claimId: z.string(),
});
type Stored = z.infer<typeof stored>;

const asEntry = ({ recordText, claimId: _, ...entry }: Stored): LedgerEntry => ({
  ...entry,
  ...decodeRecord(recordText),
});

/** Hex: safe as a document's name whatever the key is, and spread evenly. JSON keeps lone surrogates apart. */
const documentName = (key: string): string => createHash('sha256').update(JSON.stringify(key)).digest('hex');

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

const remedyOf = (error: unknown): { remedy?: string } => {
  if (codeOf(error) === PERMISSION_DENIED) {
    return { remedy: "Grant the courier's service account roles/datastore.user on the ledger's project." };
  }
  if (codeOf(error) === NOT_FOUND) {
    return { remedy: 'Create the Firestore database that the configuration names under "ledger".' };
  }
  return {};
};

/**
 * A ledger that all instances share, in a Firestore collection with a TTL policy on `expireAt`. Firestore deletes within
 * a day or so after that time; until then an expired entry protects as any other.
 */
export const createFirestoreLedger = ({
  config,
  project,
  fetch,
  now,
  log,
  callTimeoutMs = CALL_TIMEOUT_MS,
  attemptTimeoutMs = ATTEMPT_TIMEOUT_MS,
  ...bearer
}: FirestoreLedgerOptions): Ledger => {
  const { wire, run } = createWire({ fetch, attemptTimeoutMs, ...bearer });
  let opening: Promise<Firestore> | undefined;

  const open = async (): Promise<Firestore> => {
    const projectId = config.project ?? (await project());
    // Loaded on first use, because it takes longer than all the rest together. It honours FIRESTORE_EMULATOR_HOST.
    const { Firestore } = await import('@google-cloud/firestore');
    return new Firestore({ projectId, databaseId: config.database, preferRest: true, auth: wire });
  };

  const collection = async (): Promise<CollectionReference> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return (await opening).collection(config.collection);
  };

  const call = async <Result>(
    operation: string,
    work: (entries: CollectionReference) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await run(AbortSignal.timeout(callTimeoutMs), async () => work(await collection()));
    } catch (error) {
      if (codeOf(error) === ALREADY_EXISTS) throw error;
      if (operation === 'record' && codeOf(error) === NOT_FOUND) throw noClaim(error);
      log.warn({ error, operation }, 'the ledger does not answer');
      throw new CourierError('google-unavailable', {
        ...remedyOf(error),
        cause: new Error(`firestore ${operation} failed`, { cause: error }),
      });
    }
  };

  const expireAt = (): Date => new Date(now() + config.ttlDays * 86_400_000);

  const fetchStored = (key: string): Promise<Stored | undefined> =>
    call('read', async (entries) => {
      const data = (await entries.doc(documentName(key)).get()).data();
      return data === undefined ? undefined : stored.parse(data);
    });

  /** @returns false when an entry stands there already. */
  const create = async (key: string, document: Stored): Promise<boolean> => {
    const { recordText, ...rest } = document;
    const data = { ...rest, ...(recordText === undefined ? {} : { recordText }), expireAt: expireAt() };
    try {
      await call('claim', (entries) => entries.doc(documentName(key)).create(data));
      return true;
    } catch (error) {
      if (codeOf(error) === ALREADY_EXISTS) return false;
      throw error;
    }
  };

  return {
    async claim(key, { record, ...entry }) {
      // An attempt whose answer was lost is tried again by the library and answered ALREADY_EXISTS: this tells it from another's.
      const claimId = randomUUID();
      const recordText = encodeRecord(record);
      const document: Stored = { ...entry, claimId, ...(recordText === undefined ? {} : { recordText }) };
      for (let turn = 0; turn < 2; turn++) {
        if (await create(key, document)) return { entry: asEntry(document), mine: true };
        const standing = await fetchStored(key);
        if (standing !== undefined) return { entry: asEntry(standing), mine: standing.claimId === claimId };
        // Its time was up between the two calls, and Firestore took it away.
      }
      throw new CourierError('google-unavailable', { cause: new Error('a ledger entry comes and goes') });
    },
    async read(key) {
      const standing = await fetchStored(key);
      return standing === undefined ? undefined : asEntry(standing);
    },
    async record(key, { state, record }) {
      const recordText = encodeRecord(record);
      const { FieldValue } = await import('@google-cloud/firestore');
      const change = { state, recordText: recordText ?? FieldValue.delete(), expireAt: expireAt() };
      await call('record', (entries) => entries.doc(documentName(key)).update(change));
    },
    async close() {
      // Over REST there is nothing to end: the sockets are the transport's. And ending the library's client is unsafe: a
      // read that is between two attempts then rejects where nobody can catch it (seen with 9.4.1).
      opening = undefined;
    },
  };
};
