import type { GoogleCall } from '../../google-service.ts';
import { DriveError } from '../errors.ts';
import type { DriveState } from '../store/state.ts';
import { forEachChunk } from './body-chunks.ts';
import { UNIT_BYTES } from './partial-file.ts';
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
} from './upload-errors.ts';
import { uploadTargetOf } from './upload-target.ts';

/** What a request to a session URI says about its body. */
type ContentRange =
  | { kind: 'chunk'; first: number; last: number; total: number | undefined }
  /** No bytes, only a question: how much is there? Or, when the total is all there is, the end. */
  | { kind: 'status'; total: number | undefined }
  /** No header: the body is the whole file. */
  | { kind: 'whole' };

const FORM = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(?:(\d{1,15})|\*)$/i;

/**
 * Reads `bytes 0-524287/2000000`, an asterisk in the place of what is not known, or no header at all.
 * Source: developers.google.com/workspace/drive/api/guides/manage-uploads#resumable.
 * @returns undefined for what is none of these
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

/** Which bytes of the file a body is to be. */
interface Span {
  first: number;
  /** Bytes of the body; undefined until it ends. */
  length: number | undefined;
  /** Of the file; undefined: where this body ends, infinite: somewhere beyond it (`/*`). */
  size: number | undefined;
}

const contentLength = ({ request }: GoogleCall): number | undefined => {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
};

/** @throws UploadError for a range that does not fit what is stored, announced, or sent */
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

/** The bytes are there: makes the file, or says why there is none. */
async function finish({ state, sessions, session, google }: SessionRequest): Promise<void> {
  const { record, partial } = session;
  const call = sessionCall(state, record, google);
  try {
    const file = uploadTargetOf(call).run(state, call, record.metadata, await partial.received(record.mimeType));
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

/** True when the session has come to its end, one way or the other, and says so. @throws UploadError 410 */
function answerIfFinished({ state, session, google }: SessionRequest): boolean {
  const { record } = session;
  if (record.hasFailed === true) throw sessionFailed();
  if (record.fileId === undefined) return false;
  sendFinished(state, record, record.fileId, google);
  return true;
}

/** Takes what is new of the body. Answers how many bytes the body had, and whether it came to its end. */
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
  await append.settle(fits ? (isAll ? 'all' : 'granules') : 'none');
  return { seen, whole };
}

async function takeBytes(asked: SessionRequest, range: Exclude<ContentRange, { kind: 'status' }>): Promise<void> {
  const { session, sessions, google } = asked;
  const { record, partial } = session;
  if (answerIfFinished(asked)) return;
  const span = spanOf(asked, range);
  if (range.kind === 'chunk' && range.total !== undefined && record.size === undefined) {
    record.size = range.total;
    sessions.save(session);
  }
  const { seen, whole } = await receive(asked, span);
  if (!whole) return;
  if (range.kind === 'chunk' && seen !== span.length) throw bodyDoesNotMatchRange(seen, range.first, range.last);
  if (range.kind === 'whole') checkSize(session, seen);
  if (partial.stored === (span.size ?? seen)) await finish(asked);
  else sendIncomplete(google, partial.stored);
}

/** "To request the upload status": what is stored, or the file. A total that is all there is ends the upload. */
async function answerStatus(asked: SessionRequest, total: number | undefined): Promise<void> {
  const { session, google } = asked;
  const { record, partial } = session;
  if (answerIfFinished(asked)) return;
  const isAll = total === partial.stored && (record.size === undefined || record.size === total);
  if (isAll) await finish(asked);
  else sendIncomplete(google, partial.stored);
}

/**
 * One request to a session URI.
 * @throws UploadError, DriveError
 */
export async function answerSession(asked: SessionRequest): Promise<void> {
  const { session, google } = asked;
  const range = parseContentRange(google.request.headers['content-range']);
  if (range === undefined) throw malformedRange();
  if (range.kind === 'status') {
    if ((contentLength(google) ?? 0) > 0) throw malformedRange();
    // While bytes are still coming in, the truth is what is stored; they are not waited for.
    if (session.sender?.isSending() === true) return sendIncomplete(google, session.partial.stored);
    return session.enqueue(() => answerStatus(asked, range.total));
  }
  // Whoever sends anew has given up the request before, even where its connection does not know yet.
  session.sender?.stop();
  return session.enqueue(() => takeBytes(asked, range));
}
