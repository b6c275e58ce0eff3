import { LRUCache } from 'lru-cache';
import { CourierError } from '../../errors.ts';
import type { DriveClient } from '../client.ts';
import type { CallContext, FolderDescription, ResolvedFolder } from '../drive.ts';
import { createSingleFlight, joinWork } from '../shared-work.ts';
import { describeFolder } from './describe-folder.ts';

const MAX_FOLDERS = 1_000;

/** A folder may be moved to another drive, or closed to the account, so what is known of it expires. */
const MAX_AGE_MS = 600_000;

interface Dependencies {
  client: DriveClient;
  account: () => string | undefined;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Why a delivery cannot go into what is described. @returns undefined where it can */
const folderFault = (
  id: string,
  { name, isFolder, shortcut, trashed, isClosed }: FolderDescription,
  account: string | undefined,
): CourierError | undefined => {
  const facts = { account, folder: id };
  if (trashed) {
    return new CourierError('folder-invalid', {
      detail: `The folder "${name}" (${id}) is in the trash.`,
      remedy: 'Restore the folder from the trash, or set the destination to another folder.',
      facts,
    });
  }
  if (shortcut !== undefined) {
    return new CourierError('folder-invalid', {
      detail: `${id} is a shortcut to something that is not a folder.`,
      facts,
    });
  }
  if (!isFolder) return new CourierError('folder-invalid', { detail: `${id} is a file, not a folder.`, facts });
  if (isClosed) {
    return new CourierError('folder-limited', {
      detail: `The folder "${name}" (${id}) has limited access, and the account does not have access to it.`,
      facts,
    });
  }
  return undefined;
};

/**
 * Resolves a configured id to a folder: `root` to its own id, a shortcut to its target. A shortcut is
 * followed once, because Drive makes no shortcuts to shortcuts.
 */
export const createResolveFolder = ({ client, account, now }: Dependencies) => {
  const known = new LRUCache<string, ResolvedFolder>({
    max: MAX_FOLDERS,
    ttl: MAX_AGE_MS,
    ttlResolution: 0,
    perf: { now },
  });
  const once = createSingleFlight<ResolvedFolder>();

  const ask = async (id: string, callStats: CallContext['callStats']): Promise<ResolvedFolder> => {
    // It counts for the delivery that asked first, but continues if that ends, because others wait for the same answer.
    const context: CallContext = { callStats };
    const asked = await describeFolder(client, id, context);
    const target =
      asked.shortcut?.isToFolder === true && !asked.trashed
        ? await describeFolder(client, asked.shortcut.targetId, context)
        : asked;
    const fault = folderFault(target.id, target, account());
    if (fault !== undefined) throw fault;
    const found = { id: target.id, driveId: target.driveId };
    known.set(id, found);
    known.set(target.id, found);
    return found;
  };

  /** @throws CourierError `folder-not-found`, `folder-invalid`, `folder-limited`, and what else Drive refuses */
  return async (id: string, { signal, callStats }: CallContext): Promise<ResolvedFolder> =>
    known.get(id) ??
    joinWork(
      once(id, () => ask(id, callStats)),
      signal,
    );
};

export type ResolveFolder = ReturnType<typeof createResolveFolder>;

const UNCLEAR: ReadonlySet<string> = new Set(['folder-not-writable', 'folder-invalid', 'drive-refused']);

/**
 * Drive gives the same reason for a read-only folder and for one with limited access, and a vague reason for others. So
 * after Drive has refused to create something in a folder, the folder is looked up.
 * @returns the error that fits best; the original one if the folder does not explain it
 */
const explain = async (
  client: DriveClient,
  { error, folderId, account }: { error: unknown; folderId: string; account: string | undefined },
  context: CallContext,
): Promise<unknown> => {
  if (!(error instanceof CourierError) || !UNCLEAR.has(error.code)) return error;
  const folder = await describeFolder(client, folderId, context).catch(() => undefined);
  if (folder === undefined) return error;
  const fault = folderFault(folderId, folder, account);
  if (fault !== undefined) return fault;
  if (error.code !== 'folder-not-writable' || error.reason !== 'forbidden' || !folder.canAddChildren) return error;
  return new CourierError('drive-refused', {
    detail: 'Drive answered "forbidden", although the account may add files to the folder.',
    reason: error.reason,
    facts: error.facts,
    cause: error.cause,
  });
};

/** Runs a call that creates something in a folder. If Drive refuses it, the folder is looked up to explain why. */
export const createExplained =
  (client: DriveClient, account: () => string | undefined) =>
  async <Result>(folderId: string, context: CallContext, create: () => Promise<Result>): Promise<Result> => {
    try {
      return await create();
    } catch (error) {
      throw await explain(client, { error, folderId, account: account() }, context);
    }
  };
