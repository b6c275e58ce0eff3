import type { DriveFile } from '../../drive/drive.ts';
import type { StoredFile, UploadStep } from './upload-step.ts';

/** The path's folder, looked for anew; undefined when there is none to make. */
export const freshFolder = async ({ request, context }: UploadStep): Promise<string | undefined> => {
  const { destination, path } = request;
  if (path === '') return undefined;
  return (await destination.folders.ensure(destination.config.folder, path, { ...context, fresh: true })).folderId;
};

/** Drive puts a file into a folder that is in the trash without an error, and nobody would find it there. */
export const outOfTrash = async (step: UploadStep, file: DriveFile): Promise<Pick<StoredFile, 'file' | 'warnings'>> => {
  const from = file.parents[0];
  if (!file.trashed || from === undefined) return { file };
  try {
    const to = await freshFolder(step);
    if (to !== undefined && to !== from) {
      return { file: await step.request.destination.drive.move(file.id, { from, to }, step.context) };
    }
  } catch (error) {
    step.log.warn({ error, fileId: file.id }, 'a file in a folder that is in the trash could not be moved out of it');
  }
  return { file, warnings: ['The folder is in the trash, and so is the file.'] };
};
