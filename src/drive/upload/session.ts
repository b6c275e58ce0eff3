import { CourierError } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import type { DriveClient } from '../client.ts';
import type { CallContext, UploadTarget } from '../drive.ts';
import { mediaTypeOf, metadataJson, uploadCall } from './create-or-update.ts';
import type { Chunk } from './replay-buffer.ts';

/**
 * The requests of a resumable upload, after Drive's guide
 * (https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable), whose sentences are quoted.
 * A session URI is a secret: it goes into no log, and needs no bearer token.
 */

/** "A session URI expires after one week." */
export const SESSION_MS = 7 * 24 * 60 * 60 * 1_000;

/** Milliseconds for a chunk of up to 16 MiB. */
const CHUNK_TIMEOUT_MS = 120_000;
const CANCEL_TIMEOUT_MS = 3_000;

/**
 * "Send a POST request to the /upload URI …": answers a session URI in `Location`. If it is sent twice, the first session
 * expires after a week.
 */
export const startSession = (
  client: DriveClient,
  target: UploadTarget,
  size: number | undefined,
  context: CallContext,
): Promise<GoogleResponse> =>
  client.call(
    {
      ...uploadCall(target, 'resumable'),
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        'x-upload-content-type': mediaTypeOf(target),
        // "If unknown, you can omit this header."
        ...(size === undefined ? {} : { 'x-upload-content-length': String(size) }),
      },
      body: Buffer.from(metadataJson(target)),
      retry: 'idempotent',
      ...(context.believesLimit === true
        ? { isFinal: (answer) => client.error(answer, 'drive.files.create').code === 'upload-limit-reached' }
        : {}),
    },
    context,
  );

export const sessionUriOf = ({ headers }: GoogleResponse): string => {
  const { location } = headers;
  if (location === undefined || !URL.canParse(location)) {
    throw new CourierError('drive-unavailable', { cause: new Error('Drive opened a session without a URI') });
  }
  return location;
};

const contentRange = ({ from, to }: Chunk, size: number | undefined): string =>
  `bytes ${from === to ? '*' : `${from}-${to - 1}`}/${size ?? '*'}`;

/**
 * "Create chunks in multiples of 256 KB (256 x 1024 bytes) in size, except for the final chunk."
 * A chunk is never simply sent again: if its result is unknown, the session is queried first.
 * @param size of the whole file; undefined (`*`) until it is known.
 */
export const putChunk = (
  client: DriveClient,
  { uri, chunk, size, views }: { uri: string; chunk: Chunk; size: number | undefined; views: readonly Uint8Array[] },
  context: CallContext,
): Promise<GoogleResponse> =>
  client.callSession(
    {
      operation: 'drive.session.put',
      method: 'PUT',
      url: uri,
      headers: { 'content-range': contentRange(chunk, size) },
      body: views,
      attemptTimeoutMs: CHUNK_TIMEOUT_MS,
      units: 0,
      retry: 'once',
    },
    context,
  );

/** "To request the upload status, create an empty PUT request to the resumable session URI" whose range names no bytes, only the size. */
export const askStatus = (
  client: DriveClient,
  uri: string,
  size: number | undefined,
  context: CallContext,
): Promise<GoogleResponse> =>
  client.callSession(
    {
      operation: 'drive.session.status',
      method: 'PUT',
      url: uri,
      headers: { 'content-range': `bytes */${size ?? '*'}` },
      units: 0,
      retry: 'idempotent',
    },
    context,
  );

const cancel = async (client: DriveClient, uri: string, context: CallContext): Promise<void> => {
  const request = { operation: 'drive.session.cancel', method: 'DELETE', url: uri, units: 0, retry: 'once' } as const;
  await client.callSession(request, context).catch(() => undefined);
};

/** Deletes a session with the bytes that it has stored. A failure is ignored: Drive deletes the session after a week in any case. */
export const cancelSession = (client: DriveClient, uri: string, now: () => number): Promise<void> =>
  cancel(client, uri, { deadlineMs: now() + CANCEL_TIMEOUT_MS });

/**
 * Why it is unknown what a session of another try has made. An error that lasts may be about the account of that session, and
 * another try need not get it.
 */
const unknownEnd = (error: CourierError): CourierError =>
  error.retryable
    ? error
    : new CourierError('drive-unavailable', {
        detail: 'Drive does not report whether the upload session of another try has created its file.',
        cause: error,
      });

/**
 * Cancels a session unless it has created its file. Drive then refuses requests that are still on their way to it.
 * @returns the answer that describes the file; undefined if there is none
 * @throws CourierError `drive-unavailable` if it is unknown whether the session can still create one
 */
export const endSession = async (
  client: DriveClient,
  uri: string,
  context: CallContext,
): Promise<GoogleResponse | undefined> => {
  const ask = async (): Promise<SessionAnswer> => {
    // The query does not name the size, because Drive would complete a session that has all bytes.
    const response = await askStatus(client, uri, undefined, context);
    try {
      return readAnswer(client, response);
    } catch (error) {
      // A permanent error is about the file of that session, and must not end this upload.
      if (error instanceof CourierError) return { kind: 'lost', error };
      throw error;
    }
  };
  let answer = await ask();
  // Drive may refuse the query because of a limit, and cancel the session nevertheless.
  const isRefused = answer.kind === 'doubt' && answer.error.code !== 'drive-unavailable';
  if (answer.kind === 'stored' || isRefused) {
    await cancel(client, uri, context);
    // The request on its way may have been faster, and the cancellation may have failed.
    answer = await ask();
  }
  if (answer.kind === 'done') return answer.response;
  if (answer.kind === 'doubt') throw unknownEnd(answer.error);
  if (answer.kind === 'stored') {
    throw new CourierError('drive-unavailable', { detail: 'The upload session of another try is still open.' });
  }
  return undefined;
};

/**
 * Bytes that a 308 says are stored. "If a 308 Resume Incomplete response does not have a Range header, then no bytes were
 * received." Google's guide shows the header as `bytes=0-42`; its Python and Java clients take `0-42` as well.
 * @returns undefined for a header that cannot be read
 */
const storedBytes = ({ headers }: Pick<GoogleResponse, 'headers'>): number | undefined => {
  if (headers.range === undefined) return 0;
  const last = /^\s*(?:bytes(?:\s*=\s*|\s+))?0-(\d{1,15})\s*$/i.exec(headers.range)?.[1];
  return last === undefined ? undefined : Number(last) + 1;
};

/** What a 308 reports. If it cannot be read, the state is in doubt, and the session is queried again. */
const readStored = (response: GoogleResponse): SessionAnswer => {
  const bytes = storedBytes(response);
  if (bytes !== undefined) return { kind: 'stored', bytes };
  const error = new CourierError('drive-unavailable', {
    detail: "Drive's answer about the stored bytes cannot be read.",
  });
  return { kind: 'doubt', error, response };
};

export type SessionAnswer =
  | { kind: 'stored'; bytes: number }
  | { kind: 'done'; response: GoogleResponse }
  | { kind: 'exists' }
  /** `refusal`: Drive gave a reason that is not about the session, or that the courier does not know. */
  | { kind: 'lost'; error: CourierError; refusal?: CourierError }
  | { kind: 'doubt'; error: CourierError; response?: GoogleResponse };

/** Answers that are about the account or the drive and not about the session, so another session would get them too. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'folder-not-writable',
  'folder-invalid',
  'folder-limited',
  'folder-too-deep',
  'policy-forbidden',
  'too-large',
  'no-storage-quota',
  'drive-full',
  'drive-api-disabled',
  'scope-insufficient',
  'conversion-refused',
]);

/**
 * What an answer to a chunk or a status query means.
 * @throws CourierError for errors that a retry cannot solve
 */
export const readAnswer = (client: Pick<DriveClient, 'error'>, response: GoogleResponse): SessionAnswer => {
  const { status } = response;
  if (status === 308) return readStored(response);
  if (status >= 200 && status < 300) return { kind: 'done', response };
  if (status === 409) return { kind: 'exists' };
  const error = client.error(response, 'drive.session.put');
  // "If 5xx: resume or start over"; rate limits are "retried in place", and the daily limit looks like one.
  if (['drive-unavailable', 'drive-rate-limited', 'upload-limit-reached'].includes(error.code))
    return { kind: 'doubt', error, response };
  if (FINAL_CODES.has(error.code)) throw error;
  // "404 Not Found: the upload session has expired and the upload must be restarted from the beginning"; so is any other 4xx.
  const lost = new CourierError('drive-unavailable', {
    detail: 'Drive has lost the upload session.',
    cause: error.cause,
  });
  return { kind: 'lost', error: lost, ...(error.code === 'drive-refused' ? { refusal: error } : {}) };
};
