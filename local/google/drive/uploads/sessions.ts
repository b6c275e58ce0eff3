import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Grant } from '../../google-service.ts';
import type { DriveState } from '../store/state.ts';
import { openPartialFile, type PartialFile } from './partial-file.ts';

/** All of the call that opened it that is needed to finish it later, in another run of this program too. */
export interface SessionRecord {
  id: string;
  httpMethod: string;
  /** With the query, as it was asked. */
  url: string;
  grant: Grant;
  app: string;
  supportsAllDrives: boolean;
  metadata: Record<string, unknown>;
  mimeType: string;
  /** From `X-Upload-Content-Length`, or the first range that names it. */
  size?: number | undefined;
  createdMs: number;
  /** Once it is finished. */
  fileId?: string;
  /** The bytes were there, and no file could be made of them. */
  hasFailed?: boolean;
}

/** A request that is sending bytes to a session. */
interface Sender {
  /** False once all that will come has come. */
  isSending(): boolean;
  stop(): void;
}

export interface Session {
  record: SessionRecord;
  partial: PartialFile;
  sender: Sender | undefined;
  /** One at a time: runs `work` after whatever is under way. */
  enqueue<T>(work: () => Promise<T>): Promise<T>;
}

export interface Sessions {
  open(record: Omit<SessionRecord, 'id' | 'createdMs'>): Session;
  /** Undefined for those that never were, were cancelled, or are older than a week. */
  find(id: string): Session | undefined;
  save(session: Session): void;
  cancel(session: Session): void;
}

const createQueue = (): Session['enqueue'] => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
};

/** How often those are looked for that nobody will ask for any more. */
const SWEEP_MS = 3_600_000;
const SUFFIX = '.session';

/** The sessions of this Drive, kept on disk with the bytes that they have. */
export function openSessions(state: DriveState): Sessions {
  const { store, limits } = state;
  const records = store.records<SessionRecord>('sessions');
  const open = new Map<string, Session>();
  const pathOf = (id: string): string => join(store.uploadsDir, `${id}${SUFFIX}`);

  const isExpired = ({ createdMs }: SessionRecord): boolean => state.now() - createdMs >= limits.sessionMs;
  const drop = (id: string): void => {
    open.get(id)?.sender?.stop();
    open.delete(id);
    records.remove(id);
    rmSync(pathOf(id), { force: true });
  };
  let sweptMs = Number.NEGATIVE_INFINITY;
  const dropExpired = (): void => {
    if (state.now() - sweptMs < SWEEP_MS) return;
    sweptMs = state.now();
    for (const record of [...records.all()]) if (isExpired(record)) drop(record.id);
  };

  // What requests of an earlier run left behind, and nobody will ask for.
  for (const entry of readdirSync(store.uploadsDir, { withFileTypes: true }))
    if (entry.isFile() && records.get(entry.name.replace(SUFFIX, '')) === undefined)
      rmSync(join(store.uploadsDir, entry.name), { force: true });

  const sessionOf = (record: SessionRecord): Session => {
    const known = open.get(record.id);
    if (known !== undefined) return known;
    const partial = openPartialFile(pathOf(record.id));
    const session: Session = { record, partial, sender: undefined, enqueue: createQueue() };
    open.set(record.id, session);
    return session;
  };

  return {
    open: (given) => {
      dropExpired();
      let id = state.ids.upload();
      // The seeded ids begin anew with each start of this program.
      while (records.get(id) !== undefined) id = state.ids.upload();
      const record = { ...given, id, createdMs: state.now() };
      records.put(record.id, record);
      return sessionOf(record);
    },
    find: (id) => {
      const record = records.get(id);
      if (record === undefined) return undefined;
      if (!isExpired(record)) return sessionOf(record);
      drop(id);
      return undefined;
    },
    save: ({ record }) => {
      records.put(record.id, record);
      // All that is asked of it from now on is its outcome.
      if (record.fileId !== undefined || record.hasFailed === true) open.delete(record.id);
    },
    cancel: ({ record }) => drop(record.id),
  };
}
