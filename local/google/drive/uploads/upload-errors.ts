import { UNIT_BYTES } from './partial-file.ts';

/**
 * An error answer of the upload servers, in plain text as theirs. The messages were observed from Google:
 * googleapis/java-storage, "ITJsonResumableSessionPutTaskTest"; googleapis/google-resumable-media-python,
 * "BAD_CHUNK_SIZE_MSG".
 */
export class UploadError extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

export const noSuchSession = (): UploadError => new UploadError(404, 'Not Found');

/**
 * A session ends with 410 when all bytes had arrived but the file could not be created. An unknown session is a 404.
 * Source: googleapis/gcs-resumable-upload, pull request 16 ("only for cases where the session died due to bad data").
 */
export const sessionFailed = (): UploadError => new UploadError(410, 'Gone');

export const malformedRange = (): UploadError => new UploadError(400, 'Failed to parse Content-Range header.');

/** The status is 503, not 416. This was observed on the real Drive with a client that ignored the range of a 308. */
export const offsetTooHigh = (first: number, stored: number): UploadError =>
  new UploadError(
    503,
    `Invalid request.  According to the Content-Range header, the upload offset is ${first} byte(s), which exceeds already uploaded size of ${stored} byte(s).`,
  );

/**
 * "Create chunks in multiples of 256 KB" (guides/manage-uploads). Google rejects smaller chunks. Of larger ones that
 * are not a multiple it was observed to keep the whole multiples; they are rejected here, because they violate the
 * guide.
 */
export const invalidChunkSize = (bytes: number): UploadError =>
  new UploadError(
    400,
    bytes < UNIT_BYTES
      ? `Invalid request.  The number of bytes uploaded is required to be equal or greater than ${UNIT_BYTES}, except for the final request (it's recommended to be the exact multiple of ${UNIT_BYTES}).  The received request contained ${bytes} bytes, which does not meet this requirement.`
      : `Invalid request.  The number of bytes uploaded is required to be a multiple of ${UNIT_BYTES}, except for the final request.  The received request contained ${bytes} bytes, which does not meet this requirement.`,
  );

export const bodyDoesNotMatchRange = (bytes: number, first: number, last: number): UploadError =>
  new UploadError(
    400,
    `Invalid request.  There were ${bytes} byte(s) in the request body.  There should have been ${last - first + 1} byte(s) (starting at offset ${first} and ending at offset ${last}) according to the Content-Range header.`,
  );

/** The status 400 is Google's. Its message is not known. */
export const sizeMismatch = (announced: number, now: number): UploadError =>
  new UploadError(
    400,
    `Invalid request.  The upload was declared to have ${announced} byte(s), and now to have ${now}.`,
  );

export const methodNotAllowed = (): UploadError => new UploadError(405, 'Method Not Allowed');
