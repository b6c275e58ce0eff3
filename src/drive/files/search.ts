import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { createPageTokenCheck } from '../../page-tokens.ts';
import { FILE_FIELDS, parseAnswer, parseFile } from '../client.ts';
import type { CallContext, DriveFile } from '../drive.ts';
import type { ResolveFolder } from '../folder/resolve-folder.ts';
import type { Library } from '../library.ts';
import { UNITS } from '../pacing.ts';
import { ADDED_PROPERTY, filesNamed } from './query.ts';

const MAX_DRIVES = 1_000;

/** An account that becomes a member of a drive is noticed after this time at the latest. */
const NON_MEMBER_MS = 600_000;

const PAGE_SIZE = 100;

/** A search that matches everything. */
const PROBE_NAME = 'drive-courier-doctor.txt';

const page = z.object({
  nextPageToken: z.string().nullish(),
  incompleteSearch: z.boolean().nullish(),
  files: z.array(z.unknown()).nullish(),
});

/** When a file was created here: callers may have chosen its `createdTime`. */
const addedTimeOf = ({ appProperties, createdTime }: DriveFile): string => appProperties[ADDED_PROPERTY] ?? createdTime;

/** Files of the same time are ordered by id, so that every search has the same first one. */
const orderOf = (file: DriveFile): string => `${addedTimeOf(file)} ${file.id}`;

const byAge = (one: DriveFile, other: DriveFile): number => (orderOf(one) < orderOf(other) ? -1 : 1);

const isNotFound = (error: unknown): boolean => error instanceof CourierError && error.code === 'folder-not-found';

/** Nothing was found, but Drive did not search everywhere. The file may exist, and creating it would make a duplicate. */
const incompleteSearch = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'Drive could not search completely (incompleteSearch), so it is not known what the folder contains.',
    remedy:
      'Try again after the time in Retry-After; if the problem persists, make the account a member of the shared drive, where Drive searches completely.',
    reason: 'incompleteSearch',
  });

const repeatedPage = (): CourierError =>
  new CourierError('drive-unavailable', { detail: 'Drive sent a page of the list again, instead of the next one.' });

export interface Search {
  /** @throws CourierError `drive-unavailable` when nothing was found by an incomplete search, and what else Drive refuses */
  search(folderId: string, q: string, context: CallContext): Promise<DriveFile[]>;
  /**
   * Tries a search. Returns whether the account is a member of the folder's shared drive, or no member, or the folder is in
   * My Drive.
   */
  probe(folderId: string, context: CallContext): Promise<'member' | 'non-member' | 'my-drive'>;
}

/**
 * Searches a folder, all pages, oldest file first. A folder of a shared drive is searched within that drive, which Drive does
 * completely. An account that the folder is shared with but that is no member of the drive gets 404 "Shared drive not found"
 * for that (tidyverse/googledrive issues 154, 402 and 439); it searches all that it can see.
 */
export const createSearch = ({
  library,
  resolveFolder,
  now,
}: {
  library: Library;
  resolveFolder: ResolveFolder;
  now: () => number;
}): Search => {
  const nonMemberOf = new LRUCache<string, true>({
    max: MAX_DRIVES,
    ttl: NON_MEMBER_MS,
    ttlResolution: 0,
    perf: { now },
  });

  const listPage = async (parameters: drive_v3.Params$Resource$Files$List, context: CallContext) => {
    const call = { operation: 'drive.files.list', units: UNITS.list, retry: 'idempotent' } as const;
    const answer = await library(call, context, (drive) => drive.files.list(parameters));
    return parseAnswer(() => page.parse(answer ?? {}));
  };

  const listAll = async (q: string, driveId: string | undefined, context: CallContext): Promise<DriveFile[]> => {
    const files: DriveFile[] = [];
    let isIncomplete = false;
    let pageToken: string | undefined;
    const checkToken = createPageTokenCheck(repeatedPage);
    do {
      const answer = await listPage(
        {
          q,
          fields: `nextPageToken,incompleteSearch,files(${FILE_FIELDS})`,
          pageSize: PAGE_SIZE,
          supportsAllDrives: true,
          includeItemsFromAllDrives: true,
          ...(driveId === undefined ? {} : { corpora: 'drive', driveId }),
          ...(pageToken === undefined ? {} : { pageToken }),
        },
        context,
      );
      files.push(...(answer.files ?? []).map(parseFile));
      isIncomplete ||= answer.incompleteSearch === true;
      pageToken = answer.nextPageToken ?? undefined;
      checkToken(pageToken);
    } while (pageToken !== undefined);
    if (isIncomplete && files.length === 0) throw incompleteSearch();
    return files.sort(byAge);
  };

  const search: Search['search'] = async (folderId, q, context) => {
    const { driveId } = await resolveFolder(folderId, context);
    if (driveId === undefined || nonMemberOf.get(driveId) === true) return listAll(q, undefined, context);
    try {
      return await listAll(q, driveId, context);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // The folder itself may be missing as well: then this search fails too, and nothing is remembered.
      const files = await listAll(q, undefined, context);
      nonMemberOf.set(driveId, true);
      return files;
    }
  };

  return {
    search,
    async probe(folderId, context) {
      const { driveId } = await resolveFolder(folderId, context);
      await search(folderId, filesNamed(folderId, PROBE_NAME), context);
      if (driveId === undefined) return 'my-drive';
      return nonMemberOf.get(driveId) === true ? 'non-member' : 'member';
    },
  };
};
