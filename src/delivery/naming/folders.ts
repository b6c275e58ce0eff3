import { setTimeout as sleep } from 'node:timers/promises';
import { CourierError } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Log } from '../../log.ts';
import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';
import { isThere, markMade, settleName } from './names.ts';
import { createSingleFlight, joinWork } from '../../drive/shared-work.ts';

interface FoldersOptions {
  drive: Pick<Drive, 'get' | 'newId' | 'findFolders' | 'createFolder' | 'inspectFolder' | 'resolveFolder'>;
  ledger: Ledger;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
  /** How long a folder is trusted to be where it was, in milliseconds; then one `files.get` looks. */
  trustMs?: number;
  /** Folders remembered; beyond it the one longest not looked at is forgotten. */
  maxKnown?: number;
}

interface Folders {
  ensure(rootFolderId: string, path: string, context: CallContext & { fresh?: boolean }): Promise<{ folderId: string }>;
}

interface Known {
  folderId: string;
  seenMs: number;
}

/** A folder dragged to the trash must not swallow an hour's reports; a look each half minute costs next to nothing. */
const TRUST_MS = 30_000;
const MAX_KNOWN = 10_000;

/** Work that several deliveries wait for has a time of its own, in milliseconds. */
const FLIGHT_MS = 60_000;

/** Waits for a folder that Drive says exists and does not show, in milliseconds. */
const VISIBILITY_WAITS_MS = [200, 500, 1_000, 2_000];

/** Of a path's folders, in their order. */
const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

/**
 * The folders of a path, each made once, by an id that the ledger holds before the folder exists: deliveries at the same
 * moment, in any number of processes, find one `2026/11`. A folder that is there is adopted; one that was trashed, moved,
 * renamed or deleted is made anew.
 */
export const createFolders = ({
  drive,
  ledger,
  now,
  log,
  trustMs = TRUST_MS,
  maxKnown = MAX_KNOWN,
}: FoldersOptions): Folders => {
  /** By parent and name, in the order in which they were looked at. */
  const known = new Map<string, Known>();
  const fly = createSingleFlight<string>();

  const remember = (key: string, folderId: string, seenMs: number): void => {
    known.delete(key);
    const [oldest] = known.keys();
    if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
    known.set(key, { folderId, seenMs });
  };

  const whenShown = async (id: string, context: CallContext): Promise<DriveFile | undefined> => {
    for (const wait of VISIBILITY_WAITS_MS) {
      const shown = await drive.get(id, context);
      if (shown !== undefined) return shown;
      await sleep(wait);
    }
    return drive.get(id, context);
  };

  /** The folder, found or made. */
  const settle = async (parentId: string, name: string, context: CallContext): Promise<string> => {
    const find = (): Promise<DriveFile[]> => drive.findFolders(parentId, name, context);
    const options = { kind: 'folder', drive, ledger, folderId: parentId, name, find, context, log, now } as const;
    let unusable: string | undefined;
    for (let turn = 0; turn < 3; turn++) {
      const standing = await settleName({ ...options, ...(unusable === undefined ? {} : { unusable }) });
      if ('file' in standing) return standing.file.id;
      const id = standing.claimedId;
      const { existed } = await drive.createFolder({ id, name, parentId }, context);
      if (!existed) {
        await markMade(ledger, standing.key, log);
        return id;
      }
      // Made by another at this moment, or long ago and deleted for good since: such an id is spent.
      if ((await whenShown(id, context)) === undefined) unusable = id;
    }
    throw new CourierError('drive-unavailable', { detail: 'Drive does not show a folder that it says it has.' });
  };

  /** A folder that is known and still where it was takes one call; for anything else the ledger is asked. */
  const look = async (
    key: string,
    parentId: string,
    name: string,
    callStats: CallContext['callStats'],
  ): Promise<string> => {
    const context: CallContext = { deadlineMs: now() + FLIGHT_MS, ...(callStats === undefined ? {} : { callStats }) };
    const seenMs = now();
    const standing = known.get(key);
    const seen = standing === undefined ? undefined : await drive.get(standing.folderId, context);
    const isKnown = seen !== undefined && isThere({ folderId: parentId, name }, seen);
    const folderId = isKnown ? seen.id : await settle(parentId, name, context);
    remember(key, folderId, seenMs);
    return folderId;
  };

  const ensureOne = (
    parentId: string,
    name: string,
    { signal, callStats, fresh = false }: CallContext & { fresh?: boolean },
  ): Promise<string> => {
    const key = JSON.stringify([parentId, name.normalize('NFC')]);
    const standing = known.get(key);
    if (!fresh && standing !== undefined && now() - standing.seenMs < trustMs)
      return Promise.resolve(standing.folderId);
    // Counted for the one who asked first, but not ended with it: others wait for the same folder.
    return joinWork(
      fly(`${fresh ? 'fresh' : 'any'} ${key}`, () => look(key, parentId, name, callStats)),
      signal,
    );
  };

  return {
    async ensure(rootFolderId, path, context) {
      let { id: folderId } = await drive.resolveFolder(rootFolderId, context);
      for (const name of segmentsOf(path)) folderId = await ensureOne(folderId, name, context);
      return { folderId };
    },
  };
};
