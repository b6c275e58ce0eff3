import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';
import { checkUntilFresh, MAX_SEARCH_AGE_MS } from '../../look-age.ts';
import type { Sleep } from '../../sleep.ts';
import { getKnownFile, isThere } from './names.ts';

interface NamesakeOptions {
  drive: Pick<Drive, 'get'>;
  /** Finds the files, or the folders, of the name. */
  find(): Promise<DriveFile[]>;
  folderId: string;
  name: string;
  /** The id of what is about to be created; undefined if Drive chooses it. */
  ownId: string | undefined;
  /** When Drive answered the last search for the name, in epoch milliseconds. */
  searchedAtMs: number;
  context: CallContext;
  /** Epoch milliseconds. */
  now: () => number;
  sleep?: Sleep | undefined;
}

/**
 * A check for the last moment before a request that creates a file or a folder: whether there is another one of its name. A
 * person may have put it there, which the ledger does not know. Nothing is searched for while the last search is recent.
 */
export const createNamesakeCheck = (options: NamesakeOptions): (() => Promise<boolean>) => {
  const { find, ownId, now } = options;
  let { searchedAtMs } = options;
  const deleted = new Set<string>();

  const search = async (seen: () => void): Promise<DriveFile | undefined> => {
    const files = await find();
    searchedAtMs = now();
    seen();
    for (const { id } of files) {
      if (id === ownId || deleted.has(id)) continue;
      // The search may still list a deleted file, and Drive may answer 404 once for a file that exists.
      const file = await getKnownFile(options, id);
      if (file === undefined) deleted.add(id);
      else if (isThere(options, file)) return file;
    }
    return undefined;
  };

  return async () => {
    if (now() - searchedAtMs <= MAX_SEARCH_AGE_MS) return false;
    return (await checkUntilFresh({ now, maxAgeMs: MAX_SEARCH_AGE_MS }, search)) !== undefined;
  };
};
