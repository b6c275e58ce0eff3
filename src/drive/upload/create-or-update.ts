import { CourierError } from '../../errors.ts';
import type { Failure, GoogleResponse } from '../../google/transport.ts';
import { type DriveClient, type DriveRequest, detailFields, FILE_FIELDS, metadataOf, UPLOAD_URL } from '../client.ts';
import type { Drive, DriveFile, ReceivedBytes, UploadRequest, UploadResult, UploadTarget } from '../drive.ts';
import { UNITS } from '../pacing.ts';
import type { UploadSource } from './upload-source.ts';

/** What sending the bytes of one upload takes. */
export interface Sender {
  client: DriveClient;
  get: Drive['get'];
  request: UploadRequest;
  source: UploadSource;
  /** Epoch milliseconds. */
  now: () => number;
  /** Waits before another attempt; see `RetryingTransport.again`. */
  again(failure: Failure): Promise<boolean>;
}

/** The result of sending the bytes to a target, before the file is verified. */
export type Sent =
  /** `isAnswer`: the file is from Drive's answer to this upload's own write, so it cannot have been changed in between. */
  | { kind: 'written'; file: DriveFile; isAnswer: boolean }
  /** An earlier try has written the bytes. Others may have changed the file since, so nothing of it may be removed. */
  | { kind: 'written-before'; file: DriveFile }
  | { kind: 'superseded'; file: DriveFile }
  | Extract<UploadResult, { kind: 'exists' | 'id-unusable' | 'folder-missing' }>;

/** Keeps a request from being sent, because the last check has found the file of another try, or has failed. */
class NotSent {
  readonly why: { file: DriveFile } | { error: unknown };

  constructor(why: NotSent['why']) {
    this.why = why;
  }
}

/**
 * Sends a request that turns bytes into a file. The last check of the bytes runs after all other waits, so that nobody can
 * change the file while the request waits for its turn.
 * @param send is given what must be awaited before the request is sent
 * @returns the file that the check has found instead, if it has found one: then nothing was sent
 * @throws what the check has thrown
 */
export const sendAfterCommit = async <Answer>(
  { request, source }: Pick<Sender, 'request' | 'source'>,
  { bytes, target, sessionUri }: { bytes: ReceivedBytes; target: UploadTarget; sessionUri?: string },
  send: (beforeSend: () => Promise<void>) => Promise<Answer>,
): Promise<Answer | { file: DriveFile }> => {
  const beforeSend = async (): Promise<void> => {
    const superseding = await source.commit(bytes, target, sessionUri).catch((error: unknown) => {
      throw new NotSent({ error });
    });
    if (superseding !== undefined) throw new NotSent(superseding);
    await request.beforeSend?.();
  };
  try {
    return await send(beforeSend);
  } catch (error) {
    if (!(error instanceof NotSent)) throw error;
    if ('file' in error.why) return error.why;
    throw error.why.error;
  }
};

/** A media type that can be put into a header; anything else is sent as bytes. */
export const mediaTypeOf = (target: UploadTarget): string => {
  const { mimeType } = target.kind === 'create' ? target.file : target;
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(mimeType) ? mimeType : 'application/octet-stream';
};

const metadata = (target: UploadTarget): object => {
  if (target.kind === 'create') return metadataOf(target.file);
  const { mimeType, convertTo, appProperties } = target;
  return { mimeType: convertTo ?? mimeType, ...detailFields(target), appProperties };
};

export const metadataJson = (target: UploadTarget): string => JSON.stringify(metadata(target));

/** The target with the digest of its bytes as a property, if that is known and wanted. */
export const withDigest = (
  target: UploadTarget,
  { digestProperty, expectedSha256 }: UploadRequest,
  sha256: string | undefined = expectedSha256,
): UploadTarget => {
  if (target.kind !== 'create' || digestProperty === undefined || sha256 === undefined) return target;
  const appProperties = { ...target.file.appProperties, [digestProperty]: sha256 };
  return { ...target, file: { ...target.file, appProperties } };
};

/** How long a request may wait for another attempt. */
export const waitOf = ({ signal, deadlineMs }: UploadRequest): Pick<Failure, 'signal' | 'deadlineMs'> => ({
  signal,
  deadlineMs,
});

/** The request line of an upload to this target. */
export const uploadCall = (
  target: UploadTarget,
  uploadType: 'multipart' | 'resumable',
): Pick<DriveRequest, 'operation' | 'method' | 'url' | 'units'> => {
  const { keepRevisionForever } = target.kind === 'create' ? target.file : target;
  const keep = keepRevisionForever === true ? '&keepRevisionForever=true' : '';
  const query = `uploadType=${uploadType}&supportsAllDrives=true&fields=${FILE_FIELDS}${keep}`;
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

/** Whether this very upload created the file: its private properties, one of them unique to the try, are those that it sent. */
const isOurs = (target: UploadTarget, { appProperties }: DriveFile): boolean => {
  const sent = target.kind === 'create' ? Object.entries(target.file.appProperties ?? {}) : [];
  return sent.length > 0 && sent.every(([key, value]) => appProperties[key] === value);
};

/** Drive reports that a file with the target's id exists (409): this upload's own, whose answer was lost, or another's. */
export const findExisting = async (
  { get, request }: Sender,
  target: UploadTarget & { kind: 'create' },
): Promise<Sent> => {
  const file = await get(target.file.id ?? '', request);
  if (file === undefined) {
    const detail = 'Drive reports that a file with this id exists, but does not show it.';
    return { kind: 'id-unusable', why: 'not-shown', error: new CourierError('drive-unavailable', { detail }) };
  }
  return isOurs(target, file) ? { kind: 'written', file, isAnswer: false } : { kind: 'exists', file };
};

/**
 * Explains why Drive refused the request that names the target: a multipart request, or the start of a session.
 * @throws CourierError for errors that another target cannot solve
 */
export const refusedTarget = async (sender: Sender, target: UploadTarget, response: GoogleResponse): Promise<Sent> => {
  const { status } = response;
  if (status === 409 && target.kind === 'create' && target.file.id !== undefined) return findExisting(sender, target);
  if (status === 404 && target.kind === 'replace') {
    throw new CourierError('drive-unavailable', { detail: 'The file to be replaced no longer exists.' });
  }
  const error = sender.client.error(response, uploadCall(target, 'multipart').operation);
  if (status === 404) return { kind: 'folder-missing', error };
  throw error;
};
