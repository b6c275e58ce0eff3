import { createHash, randomUUID } from 'node:crypto';
import type { CollectionReference, Firestore, Timestamp } from '@google-cloud/firestore';
import { z } from 'zod';
import type { LedgerConfig } from '../config/ledger.ts';
import { CourierError } from '../errors.ts';
import type { Bearer } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { createWire } from './firestore-wire.ts';
import type { Ledger, StandingEntry } from './ledger.ts';
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
const FAILED_PRECONDITION = 9;

/** Answers that say something about the entry rather than about the store. */
const ABOUT_THE_ENTRY: ReadonlySet<unknown> = new Set([ALREADY_EXISTS, FAILED_PRECONDITION]);

const stored = z.object({
  fileId: z.string(),
  fingerprint: z.string(),
  state: z.enum(['claimed', 'done']),
  recordText: z.string().optional(),
  claimedAtMs: z.number(),
  /** Of the claim; and of the last change since. They tell a write whose answer was lost from another writer's. */
  claimId: z.string(),
  changeId: z.string().optional(),
});
type Stored = z.infer<typeof stored>;

/** A document as Firestore has it now, with the time of its last change, which is its version. */
interface StoredVersion {
  document: Stored;
  updateTime: Timestamp;
}

const versionOf = ({ seconds, nanoseconds }: Timestamp): string => `${seconds}.${nanoseconds}`;

const asEntry = ({ recordText, claimId: _, changeId: __, ...entry }: Stored, updateTime: Timestamp): StandingEntry => ({
  ...entry,
  ...decodeRecord(recordText),
  version: versionOf(updateTime),
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
      if (ABOUT_THE_ENTRY.has(codeOf(error))) throw error;
      if (operation === 'record' && codeOf(error) === NOT_FOUND) throw noClaim(error);
      log.warn({ error, operation }, 'the ledger does not answer');
      throw new CourierError('google-unavailable', {
        ...remedyOf(error),
        cause: new Error(`firestore ${operation} failed`, { cause: error }),
      });
    }
  };

  const expireAt = (): Date => new Date(now() + config.ttlDays * 86_400_000);

  const fetchStored = (key: string): Promise<StoredVersion | undefined> =>
    call('read', async (entries) => {
      const { updateTime, ...snapshot } = await entries
        .doc(documentName(key))
        .get()
        .then((found) => ({ updateTime: found.updateTime, data: found.data() }));
      return snapshot.data === undefined || updateTime === undefined
        ? undefined
        : { document: stored.parse(snapshot.data), updateTime };
    });

  /** @returns the time of the write; undefined when an entry is there already. */
  const create = async (key: string, document: Stored): Promise<Timestamp | undefined> => {
    const { recordText, ...rest } = document;
    const data = { ...rest, ...(recordText === undefined ? {} : { recordText }), expireAt: expireAt() };
    try {
      const { writeTime } = await call('claim', (entries) => entries.doc(documentName(key)).create(data));
      return writeTime;
    } catch (error) {
      if (codeOf(error) === ALREADY_EXISTS) return undefined;
      throw error;
    }
  };

  /** A version as the library takes it for a precondition. */
  const precondition = async (version: string): Promise<{ lastUpdateTime: Timestamp }> => {
    const { Timestamp } = await import('@google-cloud/firestore');
    const [seconds = 0, nanoseconds = 0] = version.split('.').map(Number);
    return { lastUpdateTime: new Timestamp(seconds, nanoseconds) };
  };

  return {
    isShared: true,
    async claim(key, { record, ...entry }) {
      // An attempt whose answer was lost is tried again by the library and answered ALREADY_EXISTS: this tells it from another's.
      const claimId = randomUUID();
      const recordText = encodeRecord(record);
      const document: Stored = { ...entry, claimId, ...(recordText === undefined ? {} : { recordText }) };
      for (let turn = 0; turn < 2; turn++) {
        const writeTime = await create(key, document);
        if (writeTime !== undefined) return { entry: asEntry(document, writeTime), mine: true };
        const standing = await fetchStored(key);
        if (standing !== undefined) {
          const mine = standing.document.claimId === claimId && standing.document.changeId === undefined;
          return { entry: asEntry(standing.document, standing.updateTime), mine };
        }
        // It expired between the two calls, and Firestore removed it.
      }
      throw new CourierError('google-unavailable', { cause: new Error('a ledger entry comes and goes') });
    },
    async read(key) {
      const standing = await fetchStored(key);
      return standing === undefined ? undefined : asEntry(standing.document, standing.updateTime);
    },
    async record(key, { state, record }, { version, record: _, ...claimed }) {
      const recordText = encodeRecord(record);
      const { FieldValue } = await import('@google-cloud/firestore');
      const condition = await precondition(version);
      const changeId = randomUUID();
      const change = { state, recordText: recordText ?? FieldValue.delete(), changeId, expireAt: expireAt() };
      try {
        const { writeTime } = await call('record', (entries) =>
          entries.doc(documentName(key)).update(change, condition),
        );
        const entry = { ...claimed, state, ...decodeRecord(recordText), version: versionOf(writeTime) };
        return { entry, mine: true };
      } catch (error) {
        if (codeOf(error) !== FAILED_PRECONDITION) throw error;
      }
      // Another writer's, or our own: a write whose answer was lost is tried again by the library, and fails against itself.
      const standing = await fetchStored(key);
      if (standing === undefined) throw noClaim();
      const { document, updateTime } = standing;
      return { entry: asEntry(document, updateTime), mine: document.changeId === changeId };
    },
    async release(key, version) {
      const condition = await precondition(version);
      await call('release', (entries) => entries.doc(documentName(key)).delete(condition)).catch((error: unknown) => {
        // Another version, or no entry: not ours to remove any more.
        if (codeOf(error) !== FAILED_PRECONDITION && codeOf(error) !== NOT_FOUND) throw error;
      });
    },
    async close() {
      // Over REST there is nothing to end: the sockets are the transport's. And ending the library's client is unsafe: a
      // read that is between two attempts then rejects where nobody can catch it (seen with 9.4.1).
      opening = undefined;
    },
  };
};
