import type { GoogleCall } from '../../seam.ts';
import { DriveError } from '../errors.ts';
import type { DriveState } from '../state.ts';
import { type ContentRange, parseContentRange } from './content-range.ts';
import { effectOf } from './effect.ts';
import { GRANULE_BYTES } from './landing.ts';
import { eachPiece } from './pieces.ts';
import { beyondStored, bodyUnlikeRange, malformedRange, sessionIsOver, sizeMismatch, unevenChunk } from './refusals.ts';
import { sendFinished, sendIncomplete } from './session-answers.ts';
import { sessionCall } from './session-call.ts';
import type { Session, Sessions } from './sessions.ts';

interface Asked {
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

/** @throws UploadRefusal for a range that does not fit what is stored, announced, or sent */
function spanOf({ session, google }: Asked, range: Exclude<ContentRange, { kind: 'status' }>): Span {
  const { record, landing } = session;
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
  if (sent !== undefined && sent !== length) throw bodyUnlikeRange(sent, first, last);
  if (first > landing.stored) throw beyondStored(first, landing.stored);
  if (last + 1 !== size && length % GRANULE_BYTES !== 0) throw unevenChunk(length);
  return { first, length, size };
}

const checkSize = ({ record, landing }: Session, size: number): void => {
  if (record.size !== undefined && record.size !== size) throw sizeMismatch(record.size, size);
  if (size < landing.stored) throw sizeMismatch(landing.stored, size);
};

/** The bytes are there: makes the file, or says why there is none. */
async function finish({ state, sessions, session, google }: Asked): Promise<void> {
  const { record, landing } = session;
  const call = sessionCall(state, record, google);
  try {
    const file = effectOf(call).run(state, call, record.metadata, await landing.received(record.mimeType));
    record.fileId = file.id;
    sessions.save(session);
    sendFinished(state, record, file.id, google);
  } catch (error) {
    if (record.fileId === undefined && error instanceof DriveError && error.code < 500) {
      record.isOver = true;
      sessions.save(session);
      landing.discard();
    }
    throw error;
  }
}

/** True when the session has come to its end, one way or the other, and says so. @throws UploadRefusal 410 */
function answersAlready({ state, session, google }: Asked): boolean {
  const { record } = session;
  if (record.isOver === true) throw sessionIsOver();
  if (record.fileId === undefined) return false;
  sendFinished(state, record, record.fileId, google);
  return true;
}

/** Takes what is new of the body. Answers how many bytes the body had, and whether it came to its end. */
async function receive({ state, session, google }: Asked, span: Span): Promise<{ seen: number; whole: boolean }> {
  const { landing } = session;
  const { request, response, limits } = google;
  const skip = landing.stored - span.first;
  const most = Math.min(limits?.storeAtMostBytes ?? Number.POSITIVE_INFINITY, span.length ?? Number.POSITIVE_INFINITY);
  const addition = await landing.add();
  let seen = 0;
  session.sender = {
    isSending: () => !request.destroyed && !request.complete,
    stop: () => {
      request.destroy();
      response.destroy();
    },
  };
  const whole = await eachPiece(request, (piece) => {
    const [from, to] = [Math.max(0, skip - seen), Math.min(piece.length, most - seen)];
    seen += piece.length;
    return from < to ? addition.take(state.surroundings.corrupt(google, piece.subarray(from, to))) : undefined;
  });
  session.sender = undefined;
  const fits = !whole || span.length === undefined || seen === span.length;
  const size = span.size ?? seen;
  const isAll = whole && landing.stored + addition.bytes === size;
  await addition.settle(fits ? (isAll ? 'all' : 'granules') : 'none');
  return { seen, whole };
}

async function takeBytes(asked: Asked, range: Exclude<ContentRange, { kind: 'status' }>): Promise<void> {
  const { session, sessions, google } = asked;
  const { record, landing } = session;
  if (answersAlready(asked)) return;
  const span = spanOf(asked, range);
  if (range.kind === 'chunk' && range.total !== undefined && record.size === undefined) {
    record.size = range.total;
    sessions.save(session);
  }
  const { seen, whole } = await receive(asked, span);
  if (!whole) return;
  if (range.kind === 'chunk' && seen !== span.length) throw bodyUnlikeRange(seen, range.first, range.last);
  if (range.kind === 'whole') checkSize(session, seen);
  if (landing.stored === (span.size ?? seen)) await finish(asked);
  else sendIncomplete(google, landing.stored);
}

/** "To request the upload status": what is stored, or the file. A total that is all there is ends the upload. */
async function tellStatus(asked: Asked, total: number | undefined): Promise<void> {
  const { session, google } = asked;
  const { record, landing } = session;
  if (answersAlready(asked)) return;
  const isAll = total === landing.stored && (record.size === undefined || record.size === total);
  if (isAll) await finish(asked);
  else sendIncomplete(google, landing.stored);
}

/**
 * One request to a session URI.
 * @throws UploadRefusal, DriveError
 */
export async function answerSession(asked: Asked): Promise<void> {
  const { session, google } = asked;
  const range = parseContentRange(google.request.headers['content-range']);
  if (range === undefined) throw malformedRange();
  if (range.kind === 'status') {
    if ((contentLength(google) ?? 0) > 0) throw malformedRange();
    // While bytes are still coming in, the truth is what is stored; they are not waited for.
    if (session.sender?.isSending() === true) return sendIncomplete(google, session.landing.stored);
    return session.inTurn(() => tellStatus(asked, range.total));
  }
  // Whoever sends anew has given up the request before, even where its connection does not know yet.
  session.sender?.stop();
  return session.inTurn(() => takeBytes(asked, range));
}
