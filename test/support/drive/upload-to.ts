import type { Drive, DriveFile, ReceivedBytes, UploadRequest, UploadTarget } from '../../../src/drive/drive.ts';

export interface UploadToRequest extends UploadRequest {
  target: UploadTarget;
  /** What happens to an existing file with the target's id; by default it stays unchanged. */
  ifExists?: 'answer' | 'replace';
  /** Where the bytes go if the folder is missing. */
  otherFolder?: () => Promise<string | undefined>;
  sessionUri?: string;
}

export type UploadedTo = ReceivedBytes & { kind: 'stored' | 'exists' | 'superseded'; file: DriveFile };

/** Uploads to a target, and again to another one if the first cannot accept the bytes. Other results are thrown. */
export const uploadTo = async (
  { startUpload }: Pick<Drive, 'startUpload'>,
  { target, ifExists = 'answer', otherFolder, sessionUri, ...request }: UploadToRequest,
): Promise<UploadedTo> => {
  const upload = await startUpload(request);
  try {
    let result = await upload.send(target, sessionUri);
    if (result.kind === 'folder-missing' && target.kind === 'create') {
      const folderId = await otherFolder?.();
      if (folderId !== undefined) {
        result = await upload.send({ kind: 'create', file: { ...target.file, folderId } });
      }
    }
    if (result.kind === 'exists' && ifExists === 'replace') {
      result = await upload.send({ kind: 'replace', id: result.file.id, mimeType: result.file.mimeType });
    }
    if (result.kind === 'folder-missing' || result.kind === 'id-unusable') throw result.error;
    const { kind, file } = result;
    return { kind, file, ...(result.kind === 'exists' ? await upload.received() : result.received) };
  } finally {
    upload.close();
  }
};
