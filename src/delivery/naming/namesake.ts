import type { CallContext, Drive, DriveFile } from '../../drive/drive.ts';
import { checkUntilFresh, MAX_SEARCH_AGE_MS } from '../../look-age.ts';
import type { Sleep } from '../../sleep.ts';
import { findConverted, type NamedFileOptions } from './named-file.ts';
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

/** Looks for another file or folder of the name, unless the last search is recent. */
type FindNamesake = () => Promise<DriveFile | undefined>;

/**
 * A check for the last moment before a request that creates a file or a folder: whether there is another one of its name. A
 * person may have put it there, which the ledger does not know. Nothing is searched for while the last search is recent.
 */
export const createNamesakeCheck = (options: NamesakeOptions): FindNamesake => {
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
    if (now() - searchedAtMs <= MAX_SEARCH_AGE_MS) return undefined;
    return checkUntilFresh({ now, maxAgeMs: MAX_SEARCH_AGE_MS }, search);
  };
};

/**
 * The Google Docs file of a name, whose id only Drive can choose.
 * @returns `findNamesake` where there is none: the check for the last moment before one is created
 */
export const findConvertedOrCheck = async (
  options: NamedFileOptions & { now: () => number },
): Promise<{ file: DriveFile } | { findNamesake: FindNamesake }> => {
  const { drive, folderId, name, context, now } = options;
  let searchedAtMs = now();
  const seen = (): void => {
    searchedAtMs = now();
  };
  const file = await findConverted({ ...options, seen });
  if (file !== undefined) return { file };
  const find = (): Promise<DriveFile[]> => drive.find(folderId, name, context);
  return { findNamesake: createNamesakeCheck({ ...options, find, ownId: undefined, searchedAtMs }) };
};
