import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { MAX_LOOK_AGE_MS } from '../../look-age.ts';
import { reasonsOf } from '../answers/errors.ts';
import { DRIVE_URL, type DriveClient, FILE_FIELDS, fileOf, metadataOf, parseFile } from '../client.ts';
import type { CallContext, Drive, DriveFile } from '../drive.ts';
import type { Library } from '../library.ts';
import { UNITS } from '../pacing.ts';
import { FOLDER_TYPE, filesNamed, foldersNamed, markedFiles } from './query.ts';
import type { Search } from './search.ts';

type Metadata = Pick<
  Drive,
  | 'get'
  | 'find'
  | 'findFolders'
  | 'findMarked'
  | 'trash'
  | 'createFolder'
  | 'createDocument'
  | 'remove'
  | 'removeUnchanged'
  | 'move'
  | 'revisions'
  | 'removeRevision'
>;

/** The maximum page size of `revisions.list`. */
const MAX_REVISIONS = 1_000;
const revisionList = z.object({
  nextPageToken: z.string().optional(),
  revisions: z
    .array(
      z.object({
        id: z.string(),
        md5Checksum: z.string().toLowerCase().optional(),
        lastModifyingUser: z.object({ emailAddress: z.string().optional() }).optional(),
      }),
    )
    .default([]),
});

/** Keeps a file from being deleted. */
class FileChanged extends Error {
  readonly shown: DriveFile;

  constructor(shown: DriveFile) {
    super();
    this.shown = shown;
  }
}

/** Milliseconds for taking a file out of the trash. The time for its removal may have ended. */
const PUT_BACK_TIMEOUT_MS = 15_000;

const isUnknown = (error: unknown): boolean => error instanceof CourierError && error.code === 'folder-not-found';

/** Whether nobody has renamed, moved or written a file since it was described. */
const isUnchanged = (described: DriveFile, current: DriveFile): boolean =>
  current.headRevisionId === described.headRevisionId &&
  current.sha256Checksum === described.sha256Checksum &&
  current.name === described.name &&
  current.parents.join() === described.parents.join();

/** Files and folders by their metadata. Every call says `supportsAllDrives`: without it a shared drive's folder is a 404. */
export const createMetadata = (
  { library, client, now, log }: { library: Library; client: DriveClient; now: () => number; log: Log },
  search: Search['search'],
): Metadata => {
  /** Drive's `name = …` is looser than equality, so the answer is compared again. */
  const named = (files: DriveFile[], name: string): DriveFile[] =>
    files.filter((file) => file.name.normalize('NFC') === name.normalize('NFC'));

  const setTrashed = async (id: string, trashed: boolean, context: CallContext): Promise<DriveFile> =>
    parseFile(
      await library({ operation: 'drive.files.update', units: UNITS.update, retry: 'idempotent' }, context, (drive) =>
        drive.files.update({ fileId: id, supportsAllDrives: true, fields: FILE_FIELDS, requestBody: { trashed } }),
      ),
    );

  /** Without Google's library: it is called after a lost answer, and loading the library would take time. */
  const get = async (id: string, context: CallContext): Promise<DriveFile | undefined> => {
    const url = `${DRIVE_URL}/files/${encodeURIComponent(id)}?supportsAllDrives=true&fields=${FILE_FIELDS}`;
    const operation = 'drive.files.get';
    const response = await client.call(
      { operation, method: 'GET', url, units: UNITS.get, retry: 'idempotent' },
      context,
    );
    if (response.status === 404) return undefined;
    if (response.status >= 300) throw client.error(response, operation);
    return fileOf(response);
  };

  /** Deletes a file permanently, if the account may: on a shared drive only managers may. @returns whether it is deleted */
  const deleteForGood = async (id: string, context: CallContext): Promise<boolean> => {
    const operation = 'drive.files.delete';
    const url = `${DRIVE_URL}/files/${encodeURIComponent(id)}?supportsAllDrives=true`;
    const response = await client.call(
      { operation, method: 'DELETE', url, units: UNITS.other, retry: 'idempotent' },
      context,
    );
    if (response.status < 300 || response.status === 404) return true;
    if (response.status !== 403 || !reasonsOf(response).includes('insufficientFilePermissions')) {
      throw client.error(response, operation);
    }
    return false;
  };

  /**
   * Takes a file out of the trash that the courier has put there, if somebody has changed it since: it is their file now.
   * It never throws.
   * @param shown the file as it is; undefined if its removal failed before that was known
   */
  const putBack = async (described: DriveFile, shown: DriveFile | undefined): Promise<void> => {
    const { id } = described;
    const context: CallContext = { deadlineMs: now() + PUT_BACK_TIMEOUT_MS };
    try {
      const file = shown ?? (await get(id, context));
      if (file === undefined || !file.trashed || isUnchanged(described, file)) return;
      await setTrashed(id, false, context);
      log.warn({ fileId: id }, 'somebody changed a file with wrong bytes: it was taken out of the trash again');
    } catch (error) {
      log.error({ error, fileId: id }, 'a file with wrong bytes is in the trash, and somebody may have changed it');
    }
  };

  return {
    get,
    find: async (folderId, name, context) => named(await search(folderId, filesNamed(folderId, name), context), name),
    findFolders: async (parentId, name, context) =>
      named(await search(parentId, foldersNamed(parentId, name), context), name),
    findMarked: (rootFolderId, key, value, context) => search(rootFolderId, markedFiles(key, value), context),
    async trash(id, context) {
      await setTrashed(id, true, context);
    },
    async createFolder({ id, name, parentId }, context) {
      const requestBody = { id, name, mimeType: FOLDER_TYPE, parents: [parentId] };
      const response = await client.call(
        {
          operation: 'drive.files.create',
          method: 'POST',
          url: `${DRIVE_URL}/files?supportsAllDrives=true&fields=id`,
          headers: { 'content-type': 'application/json; charset=utf-8' },
          body: Buffer.from(JSON.stringify(requestBody)),
          units: UNITS.create,
          // A retry is safe because of the id: "a repeated create answers 409".
          retry: 'idempotent',
        },
        context,
      );
      if (response.status === 409) return { existed: true };
      if (response.status >= 300) throw client.error(response, 'drive.files.create');
      return { existed: false };
    },
    async createDocument(file, context) {
      const operation = 'drive.files.create';
      const request = {
        operation,
        method: 'POST',
        url: `${DRIVE_URL}/files?supportsAllDrives=true&fields=${FILE_FIELDS}`,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: Buffer.from(JSON.stringify(metadataOf(file))),
      } as const;
      const response = await client.call({ ...request, units: UNITS.create, retry: 'once' }, context);
      if (response.status >= 300) throw client.error(response, operation);
      return fileOf(response);
    },
    async remove(id, context) {
      if (await deleteForGood(id, context)) return;
      const call = { operation: 'drive.files.update', units: UNITS.update, retry: 'idempotent' } as const;
      await library(call, context, (drive) =>
        drive.files.update({ fileId: id, supportsAllDrives: true, fields: 'id', requestBody: { trashed: true } }),
      );
    },
    async removeUnchanged(described, context) {
      const { id } = described;
      const current = await get(id, context);
      // Drive may answer 404 for a while about a file that it has just created.
      if (current === undefined) return false;
      if (current.trashed || !isUnchanged(described, current)) return false;
      try {
        // Drive has no condition for a deletion. A file in the trash cannot be edited, and can be taken out again.
        const trashed = await setTrashed(id, true, context);
        const seenMs = now();
        if (!isUnchanged(described, trashed)) throw new FileChanged(trashed);
        /** While the deletion waits for its turn, somebody may change the file or take it out of the trash. */
        const beforeSend = async (): Promise<void> => {
          const shown = now() - seenMs > MAX_LOOK_AGE_MS ? await get(id, context) : undefined;
          if (shown !== undefined && !(shown.trashed && isUnchanged(described, shown))) throw new FileChanged(shown);
          await context.beforeSend?.();
        };
        await deleteForGood(id, { ...context, beforeSend });
        return true;
      } catch (error) {
        await putBack(described, error instanceof FileChanged ? error.shown : undefined);
        if (error instanceof FileChanged) return false;
        throw error;
      }
    },
    move: async (id, { from, to }, context) =>
      parseFile(
        await library({ operation: 'drive.files.update', units: UNITS.update, retry: 'idempotent' }, context, (drive) =>
          drive.files.update({
            fileId: id,
            addParents: to,
            removeParents: from,
            supportsAllDrives: true,
            fields: FILE_FIELDS,
          }),
        ),
      ),
    async revisions(id, context) {
      const call = { operation: 'drive.revisions.list', units: UNITS.list, retry: 'idempotent' } as const;
      const answer = await library(call, context, (drive) =>
        drive.revisions.list({
          fileId: id,
          fields: 'nextPageToken,revisions(id,md5Checksum,lastModifyingUser(emailAddress))',
          pageSize: MAX_REVISIONS,
        }),
      );
      const { nextPageToken, revisions } = revisionList.parse(answer ?? {});
      return nextPageToken === undefined
        ? revisions.map(({ id: revisionId, md5Checksum, lastModifyingUser }) => ({
            id: revisionId,
            md5Checksum,
            writer: lastModifyingUser?.emailAddress,
          }))
        : undefined;
    },
    async removeRevision(id, revisionId, context) {
      const call = { operation: 'drive.revisions.delete', units: UNITS.other, retry: 'idempotent' } as const;
      await library(call, context, (drive) => drive.revisions.delete({ fileId: id, revisionId })).catch((error) => {
        // An earlier attempt has removed it, and its answer was lost.
        if (!isUnknown(error)) throw error;
      });
      const { sha256Checksum, headRevisionId } = (await get(id, context)) ?? {};
      const removed = headRevisionId !== revisionId;
      log.info(
        { fileId: id, revisionId, removed, sha256: sha256Checksum, headRevisionId },
        'the file was read again after revisions.delete',
      );
      return removed;
    },
  };
};
