import { CourierError } from '../../errors.ts';
import type { Failure, GoogleResponse } from '../../google/transport.ts';
import { type DriveClient, type DriveRequest, UPLOAD_URL } from '../client.ts';
import type { CallContext, DriveFile, UploadRequest, UploadTarget } from '../drive.ts';
import { FILE_FIELDS, metadataOf } from '../file.ts';
import { UNITS } from '../pacing.ts';

/** A media type that can stand in a header; what cannot is bytes. */
export const mediaTypeOf = (target: UploadTarget): string => {
  const { mimeType } = target.kind === 'create' ? target.file : target;
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(mimeType) ? mimeType : 'application/octet-stream';
};

const metadata = (target: UploadTarget): object => {
  if (target.kind === 'create') return metadataOf(target.file);
  const { mimeType, convertTo, description } = target;
  return { mimeType: convertTo ?? mimeType, ...(description === undefined ? {} : { description }) };
};

export const metadataJson = (target: UploadTarget): string => JSON.stringify(metadata(target));

/** The target with the digest of its bytes beside them, where that is known and wanted. */
export const withDigest = (
  { target, digestProperty, expectedSha256 }: UploadRequest,
  sha256: string | undefined = expectedSha256,
): UploadTarget => {
  if (target.kind !== 'create' || digestProperty === undefined || sha256 === undefined) return target;
  const appProperties = { ...target.file.appProperties, [digestProperty]: sha256 };
  return { ...target, file: { ...target.file, appProperties } };
};

/** How long a request may wait for another attempt. */
export const waitOf = ({ signal, deadlineMs }: UploadRequest): Pick<Failure, 'signal' | 'deadlineMs'> => ({
  ...(signal === undefined ? {} : { signal }),
  ...(deadlineMs === undefined ? {} : { deadlineMs }),
});

/** The request line of an upload to this target. */
export const uploadCall = (
  target: UploadTarget,
  uploadType: 'multipart' | 'resumable',
): Pick<DriveRequest, 'operation' | 'method' | 'url' | 'units'> => {
  const query = `uploadType=${uploadType}&supportsAllDrives=true&fields=${FILE_FIELDS}`;
  return target.kind === 'create'
    ? {
        operation: 'drive.files.create',
        method: 'POST',
        url: `${UPLOAD_URL}/files?${query}`,
        units: UNITS.create,
      }
    : {
        operation: 'drive.files.update',
        method: 'PATCH',
        url: `${UPLOAD_URL}/files/${encodeURIComponent(target.id)}?${query}`,
        units: UNITS.update,
      };
};

/** The file was made by this very try: its private properties, one of them unique to the try, are the ones that it sent. */
const isOurs = (target: UploadTarget, { appProperties }: DriveFile): boolean => {
  const sent = target.kind === 'create' ? Object.entries(target.file.appProperties ?? {}) : [];
  return sent.length > 0 && sent.every(([key, value]) => appProperties[key] === value);
};

/** Where an upload has ended. */
export interface Landed {
  file: DriveFile;
  existed: boolean;
  /** False for a file that another try, or another caller, has made under the id. */
  ours: boolean;
  /** The bytes went into a file that was there. */
  replaced: boolean;
  /** `file` is Drive's answer to our own write: nobody can have changed it in between. */
  isAnswer?: boolean;
  /** The request's `beforeCommit` answered this file, and nothing was sent. */
  stopped?: boolean;
}

export const stoppedWith = (file: DriveFile): Landed => ({
  file,
  existed: true,
  ours: false,
  replaced: false,
  stopped: true,
});

export type StartResult =
  | { kind: 'accepted'; target: UploadTarget; response: GoogleResponse }
  | { kind: 'exists'; landed: Landed };

/** The two things that an upload may find at its target, and what its caller wants done then. */
export interface TargetRules {
  client: Pick<DriveClient, 'error'>;
  get(id: string, context: CallContext): Promise<DriveFile | undefined>;
  request: Pick<UploadRequest, 'ifExists' | 'idSpent' | 'folderGone'> & CallContext;
}

/** Drive says that the id exists: the file of it, or the target that replaces its bytes. */
export const whenExists = async (
  { get, request }: TargetRules,
  target: UploadTarget & { kind: 'create' },
): Promise<(StartResult & { kind: 'exists' }) | { kind: 'replace'; target: UploadTarget }> => {
  const { id = '', mimeType, description } = target.file;
  const file = await get(id, request);
  if (file === undefined) {
    await request.idSpent?.(id, 'unseen');
    throw new CourierError('drive-unavailable', { detail: 'Drive has a file of this id and does not show it.' });
  }
  const ours = isOurs(target, file);
  const wanted = typeof request.ifExists === 'function' ? request.ifExists(file) : request.ifExists;
  if (ours || wanted !== 'replace') {
    return { kind: 'exists', landed: { file, existed: true, ours, replaced: false } };
  }
  const replacement = { kind: 'replace', id, mimeType, ...(description === undefined ? {} : { description }) } as const;
  return { kind: 'replace', target: replacement };
};

/** Sends a request about a target, following the target when its id exists or its folder is missing. */
export const offer = async (
  rules: TargetRules,
  first: UploadTarget,
  send: (target: UploadTarget) => Promise<GoogleResponse | Landed>,
): Promise<StartResult> => {
  const { client, request } = rules;
  let target = first;
  let mayMove = request.folderGone !== undefined;
  for (;;) {
    const response = await send(target);
    if ('file' in response) return { kind: 'exists', landed: response };
    if (response.status < 300) return { kind: 'accepted', target, response };
    if (response.status === 409 && target.kind === 'create' && target.file.id !== undefined) {
      const found = await whenExists(rules, target);
      if (found.kind === 'exists') return found;
      target = found.target;
      continue;
    }
    if (response.status === 404 && target.kind === 'create' && mayMove) {
      mayMove = false;
      const folderId = await request.folderGone?.();
      if (folderId !== undefined) {
        target = { ...target, file: { ...target.file, folderId } };
        continue;
      }
    }
    if (response.status === 404 && target.kind === 'replace') {
      throw new CourierError('drive-unavailable', { detail: 'The file to be replaced does not exist any more.' });
    }
    throw client.error(response, uploadCall(target, 'multipart').operation);
  }
};
