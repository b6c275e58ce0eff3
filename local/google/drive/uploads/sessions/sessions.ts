import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Grant } from '../../../google-service.ts';
import type { DriveState } from '../../store/state.ts';
import { openPartialFile, type PartialFile } from '../partial-file.ts';

/** What is needed of the opening call to finish the upload, also after a restart of this server. */
export interface SessionRecord {
  id: string;
  httpMethod: string;
  /** The requested URL with its query. */
  url: string;
  grant: Grant;
  app: string;
  supportsAllDrives: boolean;
  metadata: Record<string, unknown>;
  mimeType: string;
  /** The size from `X-Upload-Content-Length`, or from the first range that has a total. */
  size?: number | undefined;
  createdMs: number;
  /** Set when the upload is finished. */
  fileId?: string;
  /** Set when all bytes had arrived but the file could not be created. */
  hasFailed?: boolean;
}

/** A request that is sending bytes to a session. */
interface Sender {
  /** False once the request has ended or its connection is closed. */
  isSending(): boolean;
  stop(): void;
}

export interface Session {
  record: SessionRecord;
  partial: PartialFile;
  sender: Sender | undefined;
  /** Runs `work` after the work that was enqueued before. */
  enqueue<T>(work: () => Promise<T>): Promise<T>;
}

export interface Sessions {
  open(record: Omit<SessionRecord, 'id' | 'createdMs'>): Session;
  /** Undefined for a session that never existed, was cancelled, or is older than a week. */
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

/** How often expired sessions are removed. */
const SWEEP_MS = 3_600_000;
const SUFFIX = '.session';

/** The upload sessions of this Drive. They are stored on disk with their bytes. */
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

  // Remove files that requests of an earlier run left behind.
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
      // The seeded generator repeats its IDs after a restart.
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
      // From now on only the result is requested.
      if (record.fileId !== undefined || record.hasFailed === true) open.delete(record.id);
    },
    cancel: ({ record }) => drop(record.id),
  };
}
