import { createHash } from 'node:crypto';
import type { CollectionReference, Firestore, Timestamp } from '@google-cloud/firestore';
import { z } from 'zod';
import type { Bearer } from '../bearer.ts';
import type { LedgerConfig } from '../config/schema/ledger.ts';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createWire } from './firestore-wire.ts';

/** The bearer is the runtime's own identity. An emulator never receives its token. */
export interface FirestoreOptions extends Bearer {
  config: Exclude<LedgerConfig, 'memory'>['firestore'];
  /** The runtime's own project, used when the configuration names none. */
  project(): Promise<string>;
  /** The transport's `fetch`. */
  fetch: typeof globalThis.fetch;
  log: Log;
  /** Milliseconds for one call, including all its attempts. */
  callTimeoutMs?: number;
  /** Milliseconds for one attempt. */
  attemptTimeoutMs?: number;
}

const CALL_TIMEOUT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 4_000;

const schema = z.object({
  fileId: z.string(),
  fingerprint: z.string(),
  state: z.enum(['claimed', 'done']),
  recordText: z.string().optional(),
  claimedAtMs: z.number(),
  /**
   * Ids of the claim and of the last change. They distinguish our own write, whose answer was lost, from another writer's.
   */
  claimId: z.string(),
  changeId: z.string().optional(),
});
export type LedgerDocument = z.infer<typeof schema>;

/** A document in Firestore. Its version is the time of its last change. */
export interface DocumentVersion {
  document: LedgerDocument;
  version: string;
}

/** A document as a read returns it. */
export interface ReadDocument extends DocumentVersion {
  /** Milliseconds since its last change when it was read, by Firestore's clock. */
  ageMs: number;
}

/** What a write changes; without `recordText` the record is removed. */
export interface DocumentChange {
  state: LedgerDocument['state'];
  recordText: string | undefined;
  changeId: string;
  expireAt: Date;
}

/** gRPC's codes, as the library's errors carry them. */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;

const REMEDIES: ReadonlyMap<unknown, string> = new Map([
  [PERMISSION_DENIED, 'Grant {courier} roles/datastore.user on {project}.'],
  [NOT_FOUND, 'Create the Firestore database that the configuration names under "ledger".'],
]);

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** The library's error as the failure of an operation. */
const unavailable = (operation: string, error: unknown, facts: CourierError['facts']): CourierError =>
  new CourierError('google-unavailable', {
    remedy: REMEDIES.get(codeOf(error)),
    facts,
    cause: new Error(`firestore ${operation} failed`, { cause: error }),
  });

/** A hex name is valid in Firestore for any key, and spreads evenly. JSON keeps lone surrogates distinct. */
const documentName = (key: string): string => createHash('sha256').update(JSON.stringify(key)).digest('hex');

const versionOf = ({ seconds, nanoseconds }: Timestamp): string => `${seconds}.${nanoseconds}`;

/** A version as the precondition that the library takes. */
const preconditionOf = async (version: string): Promise<{ lastUpdateTime: Timestamp }> => {
  const { Timestamp } = await import('@google-cloud/firestore');
  const [seconds = 0, nanoseconds = 0] = version.split('.').map(Number);
  return { lastUpdateTime: new Timestamp(seconds, nanoseconds) };
};

/**
 * The ledger's documents in Firestore, by the key that they belong to.
 * Every method throws CourierError `google-unavailable` when Firestore cannot be reached, or refuses the courier.
 */
export const createFirestoreDocuments = ({
  config,
  project,
  fetch,
  log,
  callTimeoutMs = CALL_TIMEOUT_MS,
  attemptTimeoutMs = ATTEMPT_TIMEOUT_MS,
  ...bearer
}: FirestoreOptions) => {
  const { wire, run } = createWire({ fetch, attemptTimeoutMs, ...bearer });
  let opening: Promise<Firestore> | undefined;

  const open = async (): Promise<Firestore> => {
    const projectId = config.project ?? (await project());
    // Loaded on first use, because loading takes longer than the rest of a start. It honours FIRESTORE_EMULATOR_HOST.
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

  /** @param expected errors that are about the document rather than the store, by their code, and what the call returns then */
  const call = async <Result, Expected = never>(
    operation: string,
    work: (documents: CollectionReference) => Promise<Result>,
    expected?: ReadonlyMap<unknown, Expected>,
  ): Promise<Result | Expected> => {
    try {
      return await run(AbortSignal.timeout(callTimeoutMs), async () => work(await collection()));
    } catch (error) {
      const result = expected?.get(codeOf(error));
      if (result !== undefined) return result;
      log.warn({ error, operation }, 'The ledger does not answer');
      throw unavailable(operation, error, {
        courier: bearer.account?.(),
        project: config.project ?? undefined,
      });
    }
  };

  return {
    read: (key: string): Promise<ReadDocument | undefined> =>
      call('read', async (documents) => {
        const snapshot = await documents.doc(documentName(key)).get();
        const { updateTime, readTime } = snapshot;
        const data = snapshot.data();
        if (data === undefined || updateTime === undefined) return undefined;
        const ageMs = readTime.toMillis() - updateTime.toMillis();
        return { document: schema.parse(data), version: versionOf(updateTime), ageMs };
      }),

    /** Creates a document. @returns its version; `exists` if the key has a document */
    create: (
      key: string,
      { recordText, ...rest }: LedgerDocument,
      expireAt: Date,
    ): Promise<{ version: string } | 'exists'> =>
      call(
        'claim',
        async (documents) => {
          // The library rejects properties that are undefined.
          const data = { ...rest, ...(recordText === undefined ? {} : { recordText }), expireAt };
          const { writeTime } = await documents.doc(documentName(key)).create(data);
          return { version: versionOf(writeTime) };
        },
        new Map([[ALREADY_EXISTS, 'exists' as const]]),
      ),

    /** Changes a document that still has this version. @returns its new version; `changed` or `missing` if it has another one, or none */
    update: (
      key: string,
      { recordText, ...change }: DocumentChange,
      version: string,
    ): Promise<{ version: string } | 'changed' | 'missing'> =>
      call(
        'record',
        async (documents) => {
          const { FieldValue } = await import('@google-cloud/firestore');
          const fields = { ...change, recordText: recordText ?? FieldValue.delete() };
          const condition = await preconditionOf(version);
          const { writeTime } = await documents.doc(documentName(key)).update(fields, condition);
          return { version: versionOf(writeTime) };
        },
        new Map<unknown, 'changed' | 'missing'>([
          [FAILED_PRECONDITION, 'changed'],
          [NOT_FOUND, 'missing'],
        ]),
      ),

    /** Removes a document that still has this version; otherwise does nothing. */
    async remove(key: string, version: string): Promise<void> {
      await call(
        'release',
        async (documents) => {
          await documents.doc(documentName(key)).delete(await preconditionOf(version));
          return 'removed' as const;
        },
        new Map<unknown, 'changed' | 'missing'>([
          [FAILED_PRECONDITION, 'changed'],
          [NOT_FOUND, 'missing'],
        ]),
      );
    },

    /**
     * Forgets the library's client. Over REST there is nothing to close: the sockets are the transport's. The client is not
     * terminated, because a read between two attempts would then reject where nothing can catch it (seen with 9.4.1).
     */
    close(): void {
      opening = undefined;
    },
  };
};
