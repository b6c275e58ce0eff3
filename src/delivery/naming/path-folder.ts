import type { CallContext } from '../../drive/drive.ts';
import { asCourierError, type ErrorCode } from '../../errors.ts';
import { folderOf, type ResolvedRequest } from '../resolve-options.ts';

interface Placed {
  request: Pick<ResolvedRequest, 'destination' | 'path'>;
  context: CallContext;
}

/** The path's folder, found or created again; undefined for the destination's own folder, which is never created. */
export const freshFolder = async ({ request, context }: Placed): Promise<string | undefined> => {
  const { destination, path } = request;
  if (path === '') return undefined;
  return (await destination.folders.ensure(folderOf(destination), path, { ...context, fresh: true })).folderId;
};

/** A person may have deleted a folder of the path that was seen a moment ago, or put it into the trash. */
const MISSING: ReadonlySet<string> = new Set<ErrorCode>(['folder-not-found', 'folder-invalid']);

/** Whether a folder of the path, which can be created again, is missing. */
export const isFolderMissing = ({ request: { destination, path } }: Pick<Placed, 'request'>, error: unknown): boolean =>
  path !== '' && destination.config.folder !== null && MISSING.has(asCourierError(error).code);

/** Repeats work once in the folder that is found, or created, in the place of one that is missing. */
export const againInFreshFolder = async <Result>(placed: Placed, work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    if (!isFolderMissing(placed, error)) throw error;
    await freshFolder(placed);
    return work();
  }
};
