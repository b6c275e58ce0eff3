import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { GoogleCall } from '../../google-service.ts';
import { DriveError, forbidden } from '../errors.ts';
import { isOwnType, type StoredFile, type StoredRevision } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** Bytes from `first` to `last`, both included. */
interface Span {
  first: number;
  last: number;
}

const unsatisfiable = (size: number): DriveError =>
  new DriveError(416, 'Request range not satisfiable', {
    reason: 'requestedRangeNotSatisfiable',
    location: 'Range',
    locationType: 'header',
    headers: { 'content-range': `bytes */${size}` },
  });

/** Reads a single range (RFC 9110, section 14). An unknown form is ignored, and several ranges get the whole file. */
const spanOf = (header: string | undefined, size: number): Span | undefined => {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    if (length === 0) throw unsatisfiable(size);
    return { first: size - length, last: size - 1 };
  }
  if (last !== '' && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) throw unsatisfiable(size);
  return { first: Number(first), last: Math.min(last === '' ? size - 1 : Number(last), size - 1) };
};

/**
 * Finds the revision to download.
 * @throws DriveError 403 `fileNotDownloadable` for folders and Docs editors files
 */
export function downloadable(file: StoredFile, revisionId?: string): StoredRevision {
  const revision =
    revisionId === undefined ? file.revisions.at(-1) : file.revisions.find(({ id }) => id === revisionId);
  if (revision === undefined || isOwnType(file.mimeType))
    throw forbidden(
      'fileNotDownloadable',
      'Only files with binary content can be downloaded. Use Export with Docs Editors files.',
      'alt',
    );
  return revision;
}

/** Sends the bytes, or the requested range of them. @throws DriveError 416 */
export async function sendBytes(
  state: DriveState,
  { request, response }: GoogleCall,
  file: StoredFile,
  revision: StoredRevision,
): Promise<void> {
  const { size } = revision;
  const span = spanOf(request.headers.range, size);
  const { first, last } = span ?? { first: 0, last: size - 1 };
  response.writeHead(span === undefined ? 200 : 206, {
    'content-type': revision === file.revisions.at(-1) ? file.mimeType : revision.mimeType,
    'content-length': last - first + 1,
    'content-disposition': 'attachment',
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=0, must-revalidate',
    ...(span === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${size}` }),
  });
  if (size === 0) {
    response.end();
    return;
  }
  const bytes = createReadStream(state.store.contentPath(file.id, revision.id), { start: first, end: last });
  // A client may disconnect during a download. That is not an error.
  await pipeline(bytes, response).catch(() => undefined);
}
