import { destination as destinationSchema } from '../../../src/config/schema/destination.ts';
import type { Accounts, Destination } from '../../../src/delivery/resolve-options.ts';
import type { Caller } from '../../../src/domain.ts';
import type { CallContext, NewFile } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import type { Ledger, StoredEntry } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createOpenUpload, type OpenRequest } from '../../../src/upload-sessions/open.ts';
import { type Session, uploadKey } from '../../../src/upload-sessions/session.ts';
import { createFakeFiles } from './fake-files.ts';
import { createKeptLog } from '../kept-log.ts';

const NOW_MS = 1_000_000;
const FOLDER = 'root-folder';

interface OpenSetting {
  /** Of the destination, beside the defaults. */
  config?: object;
  accounts?: Partial<Accounts>;
  render?: Destination['render'];
  /** Replaces operations of the ledger. */
  changeLedger?: (ledger: Ledger) => Partial<Ledger>;
  /** Called for each wait. Default: the waits take no time. */
  onSleep?: (ms: number) => void;
}

/** The session that Drive was asked for: the file as it was sent, and the call's size and context. */
export interface AskedSession {
  kind: 'create' | 'replace';
  file: Partial<NewFile>;
  size: number;
  context: CallContext;
}

export type OpenOptions = Partial<OpenRequest['options']> & { key?: string | undefined; caller?: Caller };

/** Opens upload sessions at a Drive whose answers a test chooses, and keeps what Drive was asked for. */
export const createOpenUploads = ({
  config = {},
  accounts,
  render,
  changeLedger = () => ({}),
  onSleep,
}: OpenSetting = {}) => {
  /** `leadMs`: how far the clock of the instance is ahead of Drive's. */
  const clock = { nowMs: NOW_MS, leadMs: 0 };
  const now = (): number => clock.nowMs + clock.leadMs;
  const files = createFakeFiles(() => clock.nowMs);
  const memory = createMemoryLedger({ now });
  const ledger: Ledger = { ...memory, ...changeLedger(memory) };
  const log = createKeptLog();
  const asked: AskedSession[] = [];
  /** What the next attempts to open a session fail with, in order. Then they succeed. */
  const failures: (Error | undefined)[] = [];
  const paths: string[] = [];
  const place = { folderId: FOLDER };

  const open = async (session: AskedSession) => {
    asked.push(session);
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    return { sessionUri: `https://session/${asked.length}`, expiresAtMs: NOW_MS + asked.length };
  };
  const drive = {
    ...files,
    openSession: (file: NewFile, size: number, context: CallContext) => open({ kind: 'create', file, size, context }),
    openReplaceSession: (file: { id: string }, size: number, context: CallContext) =>
      open({ kind: 'replace', file, size, context }),
  };
  const destination = {
    name: 'reports',
    drive,
    folders: {
      async ensure(folder: string, path: string, { fresh = false }: { fresh?: boolean }) {
        paths.push(`${fresh ? 'fresh ' : ''}${folder}/${path}`);
        return { ...place };
      },
    },
    config: destinationSchema.parse({ folder: FOLDER, credentials: 'main', callers: ['a@example.com'], ...config }),
    ...(accounts === undefined ? {} : { accounts }),
    ...(render === undefined ? {} : { render }),
  } as unknown as Destination;
  const sleep = async (ms: number): Promise<void> => onSleep?.(ms);
  const openUpload = createOpenUpload({ allow: () => destination, ledger, now, wall: now, log, sleep });
  const { signal } = new AbortController();

  const openWith = ({ key, caller = { sub: '1' }, ...options }: OpenOptions = {}) =>
    openUpload({
      caller,
      options: { name: 'report.csv', mimeType: 'text/csv', size: 3, onConflict: 'replace', ...options },
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...{ signal, deadlineMs: 2_000_000 },
    });

  const entryOf = (id: string): Promise<StoredEntry | undefined> => memory.read(uploadKey(id));
  return {
    ...{ files, drive, destination, ledger, log, asked, failures, paths, place, signal, clock },
    open: openWith,
    entryOf,
    sessionOf: async (id: string) => (await entryOf(id))?.record as Session | undefined,
    /** Ends an upload without a file. */
    async end(id: string, over: Session['over']) {
      const entry = await entryOf(id);
      if (entry === undefined) throw new Error('there is no such upload');
      await memory.record(uploadKey(id), { state: 'done', record: { ...(entry.record as Session), over } }, entry);
    },
  };
};

/** Drive is unavailable. */
export const UNAVAILABLE = new CourierError('drive-unavailable');

/** Drive does not accept the id for a new file. */
export const ID_IN_USE = new CourierError('drive-refused', { reason: 'fileIdInUse' });
