import { LRUCache } from 'lru-cache';
import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';
import { createSingleFlight, joinWork } from '../../drive/shared-work.ts';
import { asCourierError, CourierError, type ErrorCode } from '../../errors.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Log } from '../../log.ts';
import { askUntilFound, realSleep } from '../../sleep.ts';
import { segmentsOf } from '../../text/file-name.ts';
import { type Folders, folderOf, type ResolvedRequest } from '../resolve-options.ts';
import { isThere, markMade, resolveName } from './names.ts';
import { createNamesakeCheck } from './namesake.ts';

interface FoldersOptions {
  drive: Pick<Drive, 'get' | 'newId' | 'findFolders' | 'createFolder' | 'inspectFolder' | 'resolveFolder' | 'now'>;
  ledger: Ledger;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
  /** How long a folder is trusted to be where it was, in milliseconds. After that, one `files.get` checks it. */
  trustMs?: number;
  /** How many folders are remembered. Beyond that, the one that was checked longest ago is forgotten. */
  maxKnown?: number;
}

/** A folder in its parent, by name. */
interface Segment {
  parentId: string;
  name: string;
}

interface KnownFolder {
  folderId: string;
  seenMs: number;
}

/** Short, so that few files go into a folder that a person has moved to the trash. A check every half minute costs little. */
const TRUST_MS = 30_000;
const MAX_KNOWN = 10_000;

/** Milliseconds for work that several deliveries wait for, so it does not end when one of them does. */
const FLIGHT_MS = 60_000;

/** Pauses while Drive reports that a folder exists but does not show it, in milliseconds. */
const FOLDER_VISIBILITY_WAITS_MS = [200, 500, 1_000, 2_000];

/** How often a folder's id may turn out to be unusable, or another folder of its name appear. */
const MAX_TURNS = 3;

const keyOf = ({ parentId, name }: Segment): string => JSON.stringify([parentId, name.normalize('NFC')]);

const whenVisible = async (
  { drive }: Pick<FoldersOptions, 'drive'>,
  id: string,
  context: CallContext,
): Promise<DriveFile | undefined> => {
  const ask = (): Promise<DriveFile | undefined> => drive.get(id, context);
  return askUntilFound(await ask(), { ask, pausesMs: FOLDER_VISIBILITY_WAITS_MS, sleep: realSleep });
};

/** Keeps a folder from being created. */
class NamesakeAppeared extends Error {}

/** Finds or creates a folder, by the id that the ledger holds for its name. */
const findOrCreate = async (
  folders: FoldersOptions,
  { parentId, name }: Segment,
  context: CallContext,
): Promise<string> => {
  const { drive, ledger, now, log } = folders;
  let searchedAtMs = now();
  const find = async (): Promise<DriveFile[]> => {
    const found = await drive.findFolders(parentId, name, context);
    searchedAtMs = now();
    return found;
  };
  const options = { kind: 'folder', drive, ledger, folderId: parentId, name, find, context, log, now } as const;
  let unusable: string | undefined;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const resolved = await resolveName({ ...options, unusable, mayBeHidden: true });
    if ('file' in resolved) return resolved.file.id;
    const id = resolved.claimedId;
    /** The request may wait for its turn, and meanwhile a person may make a folder of that name. */
    const findNamesake = createNamesakeCheck({ ...options, ownId: id, searchedAtMs });
    const beforeSend = async (): Promise<void> => {
      if ((await findNamesake()) !== undefined) throw new NamesakeAppeared();
    };
    const created = await drive
      .createFolder({ id, name, parentId }, { ...context, beforeSend })
      .catch((error: unknown) => {
        if (error instanceof NamesakeAppeared) return undefined;
        throw error;
      });
    // The next turn finds that folder.
    if (created === undefined) continue;
    if (!created.existed) {
      await markMade(ledger, resolved.key, log);
      return id;
    }
    // Created by another delivery at this moment, or long ago and deleted since: then the id cannot be used again.
    if ((await whenVisible(folders, id, context)) === undefined) unusable = id;
  }
  throw new CourierError('drive-unavailable', {
    detail: 'Other folders of this name keep appearing, or Drive reports that the folder exists and does not show it.',
  });
};

/**
 * The folders of a path, each created once, with an id that the ledger holds before the folder exists. So deliveries at the
 * same moment, in any number of processes, end in one `2026/11`. An existing folder is adopted; one that was trashed, moved,
 * renamed or deleted is created again.
 */
export const createFolders = (options: FoldersOptions): Folders => {
  const { drive, now, trustMs = TRUST_MS, maxKnown = MAX_KNOWN } = options;
  /** By `keyOf`. It is read with `peek`, so that the folder that was checked longest ago is forgotten first. */
  const known = new LRUCache<string, KnownFolder>({ max: maxKnown });
  const once = createSingleFlight<string>();

  /** Checks a known folder with one call. Other folders are looked up in the ledger. */
  const look = async (segment: Segment, callStats: CallContext['callStats']): Promise<string> => {
    const context: CallContext = { deadlineMs: now() + FLIGHT_MS, callStats };
    const seenMs = now();
    const folder = known.peek(keyOf(segment));
    const shown = folder === undefined ? undefined : await drive.get(folder.folderId, context);
    const isCurrent = shown !== undefined && isThere({ folderId: segment.parentId, name: segment.name }, shown);
    const folderId = isCurrent ? shown.id : await findOrCreate(options, segment, context);
    known.set(keyOf(segment), { folderId, seenMs });
    return folderId;
  };

  const ensureOne = (
    segment: Segment,
    { signal, callStats, fresh = false }: CallContext & { fresh?: boolean },
  ): Promise<string> => {
    const key = keyOf(segment);
    const folder = known.peek(key);
    if (!fresh && folder !== undefined && now() - folder.seenMs < trustMs) return Promise.resolve(folder.folderId);
    // The calls count for the delivery that asked first, but continue if it ends, because others wait for the same folder.
    const work = once(`${fresh ? 'fresh' : 'any'} ${key}`, () => look(segment, callStats));
    return joinWork(work, signal);
  };

  const ensureAll = async (rootId: string, names: readonly string[], context: CallContext & { fresh?: boolean }) => {
    let folderId = rootId;
    for (const name of names) folderId = await ensureOne({ parentId: folderId, name }, context);
    return { folderId };
  };

  return {
    async ensure(rootFolderId, path, context) {
      const { id: rootId } = await drive.resolveFolder(rootFolderId, context);
      const names = segmentsOf(path);
      try {
        return await ensureAll(rootId, names, context);
      } catch (error) {
        // A known folder of the path may have been deleted a moment ago, or Drive shows a new one late.
        if (names.length < 2 || asCourierError(error).code !== 'folder-not-found') throw error;
        return ensureAll(rootId, names, { ...context, fresh: true });
      }
    },
  };
};

/** The part of a delivery that its folder depends on. */
interface InPath {
  request: Pick<ResolvedRequest, 'destination' | 'path'>;
  context: CallContext;
}

/** The path's folder, found or created again; undefined for the destination's own folder, which is never created. */
export const freshFolder = async ({ request, context }: InPath): Promise<string | undefined> => {
  const { destination, path } = request;
  if (path === '') return undefined;
  return (await destination.folders.ensure(folderOf(destination), path, { ...context, fresh: true })).folderId;
};

/** A person may have deleted a folder of the path that was seen a moment ago, or put it into the trash. */
const MISSING: ReadonlySet<string> = new Set<ErrorCode>(['folder-not-found', 'folder-invalid']);

/** Whether a folder of the path, which can be created again, is missing. */
export const isFolderMissing = ({ request: { destination, path } }: Pick<InPath, 'request'>, error: unknown): boolean =>
  path !== '' && destination.config.folder !== null && MISSING.has(asCourierError(error).code);

/** Repeats work once in the folder that is found, or created, in the place of one that is missing. */
export const againInFreshFolder = async <Result>(step: InPath, work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    if (!isFolderMissing(step, error)) throw error;
    await freshFolder(step);
    return work();
  }
};
