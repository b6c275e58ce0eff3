import type { DriveFile } from '../../drive/drive.ts';
import type { Placed, Put } from './upload-step.ts';

/** The path's folder, looked for anew; undefined when there is none to make. */
export const freshFolder = async ({ order, context }: Put): Promise<string | undefined> => {
  const { place, path } = order;
  if (path === '') return undefined;
  return (await place.folders.ensure(place.config.folder, path, { ...context, fresh: true })).folderId;
};

/** Drive puts a file into a folder that is in the trash without an error, and nobody would find it there. */
export const outOfTrash = async (put: Put, file: DriveFile): Promise<Pick<Placed, 'file' | 'warnings'>> => {
  const from = file.parents[0];
  if (!file.trashed || from === undefined) return { file };
  try {
    const to = await freshFolder(put);
    if (to !== undefined && to !== from) {
      return { file: await put.order.place.drive.move(file.id, { from, to }, put.context) };
    }
  } catch (error) {
    put.log.warn({ error, fileId: file.id }, 'a file in a folder that is in the trash could not be moved out of it');
  }
  return { file, warnings: ['The folder is in the trash, and so is the file.'] };
};
