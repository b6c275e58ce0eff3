import type { GoogleCall } from '../../../google-service.ts';
import { DriveError } from '../../errors.ts';
import type { DriveState } from '../../store/state.ts';
import { forEachChunk } from '../body-chunks.ts';
import { UNIT_BYTES } from '../partial-file.ts';
import { sendFinished, sendIncomplete } from './session-answers.ts';
import { sessionCall } from './session-call.ts';
import type { Session, Sessions } from './sessions.ts';
import {
  bodyDoesNotMatchRange,
  invalidChunkSize,
  malformedRange,
  offsetTooHigh,
  sessionFailed,
  sizeMismatch,
} from '../upload-errors.ts';
import { uploadTargetOf } from '../upload-target.ts';

/** The meaning of the Content-Range header of a request to a session URI. */
type ContentRange =
  | { kind: 'chunk'; first: number; last: number; total: number | undefined }
  /** A status query without bytes. It finishes the upload when all bytes of the total are stored. */
  | { kind: 'status'; total: number | undefined }
  /** Without the header, the body is the whole file. */
  | { kind: 'whole' };

const FORM = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(?:(\d{1,15})|\*)$/i;

/**
 * Parses `bytes 0-524287/2000000`, in which an asterisk stands for an unknown part, or a missing header. Source:
 * developers.google.com/workspace/drive/api/guides/manage-uploads#resumable.
 * @returns undefined for a malformed header
 */
function parseContentRange(header: string | undefined): ContentRange | undefined {
  if (header === undefined) return { kind: 'whole' };
  const found = FORM.exec(header.trim());
  if (found === null) return undefined;
  const [first, last, total] = found.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits)));
  if (first === undefined || last === undefined) return { kind: 'status', total };
  if (first > last || (total !== undefined && last >= total)) return undefined;
  return { kind: 'chunk', first, last, total };
}

interface SessionRequest {
  state: DriveState;
  sessions: Sessions;
  session: Session;
  google: GoogleCall;
}

/** The bytes of the file that a body contains. */
interface Span {
  first: number;
  /** The length of the body in bytes. Undefined until it ends. */
  length: number | undefined;
  /**
   * The size of the file. Undefined when the file ends where this body ends, infinite when it is larger by an unknown
   * amount (`/*`).
   */
  size: number | undefined;
}

const contentLength = ({ request }: GoogleCall): number | undefined => {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
};

/** @throws UploadError for a range that contradicts the stored bytes, the announced size or the length of the body */
function spanOf({ session, google }: SessionRequest, range: Exclude<ContentRange, { kind: 'status' }>): Span {
  const { record, partial } = session;
  const sent = contentLength(google);
  if (range.kind === 'whole') {
    if (sent !== undefined) checkSize(session, sent);
    return { first: 0, length: sent, size: sent ?? record.size };
  }
  const { first, last, total } = range;
  const length = last - first + 1;
  const size = total ?? record.size ?? Number.POSITIVE_INFINITY;
  if (total !== undefined) checkSize(session, total);
  if (last >= size) throw sizeMismatch(size, last + 1);
  if (sent !== undefined && sent !== length) throw bodyDoesNotMatchRange(sent, first, last);
  if (first > partial.stored) throw offsetTooHigh(first, partial.stored);
  if (last + 1 !== size && length % UNIT_BYTES !== 0) throw invalidChunkSize(length);
  return { first, length, size };
}

const checkSize = ({ record, partial }: Session, size: number): void => {
  if (record.size !== undefined && record.size !== size) throw sizeMismatch(record.size, size);
  if (size < partial.stored) throw sizeMismatch(partial.stored, size);
};

/** All bytes are stored: creates or updates the file, or throws why that is not possible. */
async function finish({ state, sessions, session, google }: SessionRequest): Promise<void> {
  const { record, partial } = session;
  const call = sessionCall(state, record, google);
  try {
    const file = await uploadTargetOf(call).run(state, call, record.metadata, await partial.received(record.mimeType));
    record.fileId = file.id;
    sessions.save(session);
    sendFinished(state, record, file.id, google);
  } catch (error) {
    if (record.fileId === undefined && error instanceof DriveError && error.code < 500) {
      record.hasFailed = true;
      sessions.save(session);
      partial.discard();
    }
    throw error;
  }
}

/**
 * Answers for a finished session, and returns false for one that is still open.
 * @throws UploadError 410 if the session failed
 */
function answerIfFinished({ state, session, google }: SessionRequest): boolean {
  const { record } = session;
  if (record.hasFailed === true) throw sessionFailed();
  if (record.fileId === undefined) return false;
  sendFinished(state, record, record.fileId, google);
  return true;
}

/**
 * Stores the bytes of the body that are new. Returns how many bytes the body had, and whether it arrived completely.
 */
async function receive(
  { state, session, google }: SessionRequest,
  span: Span,
): Promise<{ seen: number; whole: boolean }> {
  const { partial } = session;
  const { request, response, limits } = google;
  const skip = partial.stored - span.first;
  const most = Math.min(limits?.storeAtMostBytes ?? Number.POSITIVE_INFINITY, span.length ?? Number.POSITIVE_INFINITY);
  const append = await partial.add();
  let seen = 0;
  session.sender = {
    isSending: () => !request.destroyed && !request.complete,
    stop: () => {
      request.destroy();
      response.destroy();
    },
  };
  const whole = await forEachChunk(request, (piece) => {
    const [from, to] = [Math.max(0, skip - seen), Math.min(piece.length, most - seen)];
    seen += piece.length;
    return from < to ? append.take(state.context.corrupt(google, piece.subarray(from, to))) : undefined;
  });
  session.sender = undefined;
  const fits = !whole || span.length === undefined || seen === span.length;
  const size = span.size ?? seen;
  const isAll = whole && partial.stored + append.bytes === size;
  await append.finish(fits ? (isAll ? 'all' : 'units') : 'none');
  return { seen, whole };
}

async function takeBytes(
  sessionRequest: SessionRequest,
  range: Exclude<ContentRange, { kind: 'status' }>,
): Promise<void> {
  const { session, sessions, google } = sessionRequest;
  const { record, partial } = session;
  if (answerIfFinished(sessionRequest)) return;
  const span = spanOf(sessionRequest, range);
  if (range.kind === 'chunk' && range.total !== undefined && record.size === undefined) {
    record.size = range.total;
    sessions.save(session);
  }
  const { seen, whole } = await receive(sessionRequest, span);
  if (!whole) return;
  if (range.kind === 'chunk' && seen !== span.length) throw bodyDoesNotMatchRange(seen, range.first, range.last);
  if (range.kind === 'whole') checkSize(session, seen);
  if (partial.stored === (span.size ?? seen)) await finish(sessionRequest);
  else sendIncomplete(google, partial.stored);
}

/**
 * "To request the upload status": sends the stored range, or the file. When all bytes of the total are stored, the
 * upload is finished.
 */
async function answerStatus(sessionRequest: SessionRequest, total: number | undefined): Promise<void> {
  const { session, google } = sessionRequest;
  const { record, partial } = session;
  if (answerIfFinished(sessionRequest)) return;
  const isAll = total === partial.stored && (record.size === undefined || record.size === total);
  if (isAll) await finish(sessionRequest);
  else sendIncomplete(google, partial.stored);
}

/**
 * Handles one request to a session URI.
 * @throws UploadError, DriveError
 */
export async function answerSession(sessionRequest: SessionRequest): Promise<void> {
  const { session, google } = sessionRequest;
  const range = parseContentRange(google.request.headers['content-range']);
  if (range === undefined) throw malformedRange();
  if (range.kind === 'status') {
    if ((contentLength(google) ?? 0) > 0) throw malformedRange();
    // While another request is still sending bytes, report what is stored now instead of waiting for it.
    if (session.sender?.isSending() === true) return sendIncomplete(google, session.partial.stored);
    return session.enqueue(() => answerStatus(sessionRequest, range.total));
  }
  // A client that sends again has abandoned its previous request, even if that connection is still open.
  session.sender?.stop();
  return session.enqueue(() => takeBytes(sessionRequest, range));
}
