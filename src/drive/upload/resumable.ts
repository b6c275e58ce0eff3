import { CourierError } from '../../errors.ts';
import type { Failure, GoogleResponse } from '../../google/transport.ts';
import { type Bytes, MARGIN_MS, outOfTime } from './upload-source.ts';
import type { DriveClient } from '../client.ts';
import type { DriveFile, UploadRequest, UploadTarget } from '../drive.ts';
import { fileOf } from '../file.ts';
import {
  askStatus,
  cancelSession,
  putChunk,
  readAnswer,
  type SessionAnswer,
  sessionUriOf,
  startSession,
} from './session.ts';
import {
  type Landed,
  offer,
  stoppedWith,
  type TargetRules,
  waitOf,
  whenExists,
  withDigest,
} from './create-or-update.ts';
import type { Chunk } from './replay-buffer.ts';

export interface Resumable {
  client: DriveClient;
  rules: TargetRules;
  request: UploadRequest;
  bytes: Bytes;
  now: () => number;
  again(failure: Failure): Promise<boolean>;
}

interface Session {
  uri: string;
  target: UploadTarget;
  /** The target was followed to a file that exists. */
  adopted: boolean;
}

type Certain = Exclude<SessionAnswer, { kind: 'doubt' }>;

/** How a session has ended; `stopped`: before its last chunk, because the file is there already. */
type Sent =
  | Exclude<Certain, { kind: 'stored' | 'done' }>
  /** `isAnswer`: Drive's answer to the last chunk, rather than to a later status query. */
  | { kind: 'done'; response: GoogleResponse; isAnswer: boolean }
  | { kind: 'stopped'; file: DriveFile };

/** A chunk's answer, or the doubt that remains when there is none. */
const tryChunk = async (
  { client, request, bytes, now }: Resumable,
  { uri, chunk, size }: { uri: string; chunk: Chunk; size: number | undefined },
): Promise<SessionAnswer> => {
  const views = bytes.window().views(chunk.from, chunk.to);
  try {
    return readAnswer(client, await putChunk(client, { uri, chunk, size, views }, request));
  } catch (error) {
    const ended = request.signal?.aborted === true || now() >= (request.deadlineMs ?? Infinity);
    if (ended || !(error instanceof CourierError) || error.code !== 'drive-unavailable') throw error;
    return { kind: 'doubt', error };
  }
};

interface Doubt {
  uri: string;
  attempt: number;
  size: number | undefined;
  doubt: Extract<SessionAnswer, { kind: 'doubt' }>;
}

/** "To request the upload status …": after a doubt the session is asked, and nothing assumed. */
const settleDoubt = async (
  { client, request, again }: Resumable,
  { uri, attempt, size, doubt }: Doubt,
): Promise<Certain> => {
  const response = doubt.response === undefined ? {} : { response: doubt.response };
  if (!(await again({ ...waitOf(request), ...response, url: uri, attempt }))) throw doubt.error;
  const answer = readAnswer(client, await askStatus(client, uri, size, request));
  if (answer.kind === 'doubt') throw answer.error;
  return answer;
};

const unplayable = (): Sent => ({
  kind: 'lost',
  error: new CourierError('drive-unavailable', { detail: 'Drive has lost bytes that it had acknowledged.' }),
});

/** Sends chunk after chunk from what Drive says it has, until the file is whole or the session lost. */
const sendChunks = async (upload: Resumable, { uri, target }: Session, stored: number): Promise<Sent> => {
  const { request, bytes, now, again } = upload;
  const window = bytes.window();
  let acknowledged = stored;
  let attempt = 0;
  let chunkMs = 0;
  for (;;) {
    window.drop(acknowledged);
    const chunk = await window.next(acknowledged);
    // A chunk that would not be answered in time is not begun.
    if (now() + chunkMs + MARGIN_MS > (request.deadlineMs ?? Infinity)) throw outOfTime();
    const stopped = chunk.whole === undefined ? undefined : await bytes.commit(chunk.whole, target);
    if (stopped !== undefined) return { kind: 'stopped', file: stopped.file };
    const startMs = now();
    const size = request.source.size ?? chunk.whole?.size;
    const tried = await tryChunk(upload, { uri, chunk, size });
    chunkMs = Math.max(chunkMs, now() - startMs);
    const answer =
      tried.kind === 'doubt' ? await settleDoubt(upload, { uri, attempt: ++attempt, size, doubt: tried }) : tried;
    if (answer.kind === 'done') return { ...answer, isAnswer: tried.kind === 'done' };
    if (answer.kind !== 'stored') return answer;
    // What is stored counts, more or less than was sent: but only bytes still held can be sent from there.
    if (answer.bytes < window.start() || answer.bytes > chunk.to) return unplayable();
    if (answer.bytes > acknowledged) attempt = 0;
    // A doubt has been waited for already; a chunk that was taken and not stored has not.
    else if (tried.kind === 'stored' && !(await again({ ...waitOf(request), url: uri, attempt: ++attempt }))) {
      throw new CourierError('drive-unavailable', { detail: 'Drive does not store what it is sent.' });
    }
    acknowledged = answer.bytes;
  }
};

/** The file that a session has made, from its last answer, or asked for where that does not describe it. */
const shownFile = async (
  { rules, request }: Resumable,
  target: UploadTarget,
  response: GoogleResponse,
): Promise<DriveFile | undefined> => {
  try {
    return fileOf(response);
  } catch {
    const id = target.kind === 'create' ? target.file.id : target.id;
    return id === undefined ? undefined : rules.get(id, request);
  }
};

const finishedFile = async (upload: Resumable, target: UploadTarget, response: GoogleResponse): Promise<DriveFile> => {
  const file = await shownFile(upload, target, response);
  if (file === undefined) throw new CourierError('drive-unavailable', { detail: 'Drive does not show the file yet.' });
  return file;
};

/**
 * What an earlier try's session has ended in. Others may have changed the file since, so that it is not judged as our own
 * work, and nothing of it taken back; undefined where the bytes have to be sent again.
 */
const endedBefore = async (upload: Resumable, response: GoogleResponse): Promise<Landed | undefined> => {
  const { bytes, request } = upload;
  const { target } = request;
  const file = await shownFile(upload, target, response);
  if (file === undefined || file.trashed) return undefined;
  if (target.kind === 'create') {
    // The key may have gone on to another id.
    return file.id === target.file.id ? { file, existed: true, ours: false, replaced: false } : undefined;
  }
  const whole = await bytes.window().drain();
  const stopped = await request.beforeCommit?.(whole, target);
  if (stopped !== undefined) return stoppedWith(stopped.file);
  if ((file.sha256Checksum ?? whole.sha256) === whole.sha256) {
    return { file, existed: false, ours: false, replaced: true };
  }
  bytes.reopen(0);
  return undefined;
};

/** A session of an earlier try, brought to where Drive has it; undefined when it is of no use any more. */
const takeUp = async (upload: Resumable): Promise<{ session: Session; stored: number } | Landed | undefined> => {
  const { client, request, bytes } = upload;
  const uri = request.resume?.sessionUri;
  if (uri === undefined || request.source.openAt === undefined) return undefined;
  const answer = readAnswer(client, await askStatus(client, uri, request.source.size, request));
  if (answer.kind === 'doubt') throw answer.error;
  if (answer.kind === 'done') return endedBefore(upload, answer.response);
  if (answer.kind !== 'stored') return undefined;
  bytes.reopen(answer.bytes);
  return { session: { uri, target: request.target, adopted: false }, stored: answer.bytes };
};

const openSession = async (upload: Resumable, wanted: UploadTarget): Promise<Session | Landed> => {
  const { client, rules, request } = upload;
  const accepted = await offer(rules, wanted, (target) => startSession(client, target, request.source.size, request));
  if (accepted.kind === 'exists') return accepted.landed;
  const uri = sessionUriOf(accepted.response);
  const adopted = wanted.kind === 'create' && accepted.target.kind === 'replace';
  return { uri, target: accepted.target, adopted };
};

/** The session is kept for a later try only where one could go on from it. */
const isKept = ({ resume, signal }: UploadRequest, error: unknown): boolean =>
  resume !== undefined && (signal?.aborted === true || (error instanceof CourierError && error.retryable));

/** One session from its opening to its end; a session that did not end well is cancelled, so that no cut file can ever come of it. */
const runSession = async (upload: Resumable, session: Session, stored: number): Promise<Sent> => {
  const { client, request, now } = upload;
  try {
    const sent = await sendChunks(upload, session, stored);
    if (sent.kind === 'stopped') await cancelSession(client, session.uri, now);
    return sent;
  } catch (error) {
    if (!isKept(request, error)) await cancelSession(client, session.uri, now);
    throw error;
  }
};

/**
 * A resumable upload, whatever happens on the way: sessions lost are begun anew under the same id, lost answers end in the
 * same file, and what cannot be made whole makes no file.
 */
export const sendResumable = async (upload: Resumable): Promise<Landed> => {
  const { request, rules, bytes, again } = upload;
  let target = withDigest(request);
  let adopted = false;
  let refusedFor: string | undefined;
  let earlier = await takeUp(upload);
  // The source is read while the session is opened.
  if (earlier === undefined) bytes.window();
  for (let attempt = 1; ; attempt++) {
    if (earlier !== undefined && 'file' in earlier) return earlier;
    const opened = earlier?.session ?? (await openSession(upload, target));
    if ('file' in opened) return opened;
    if (earlier === undefined) await request.resume?.keep(opened.uri, opened.target);
    const stored = earlier?.stored ?? 0;
    earlier = undefined;
    target = opened.target;
    adopted ||= opened.adopted;
    const sent = await runSession(upload, opened, stored);
    if (sent.kind === 'stopped') return stoppedWith(sent.file);
    if (sent.kind === 'done') {
      const file = await finishedFile(upload, target, sent.response);
      return { file, existed: adopted, ours: true, replaced: target.kind === 'replace', isAnswer: sent.isAnswer };
    }
    if (sent.kind === 'exists' && target.kind === 'create') {
      const found = await whenExists(rules, target);
      if (found.kind === 'exists') return found.landed;
      target = found.target;
      adopted = true;
    }
    // A new session may help once. When the same reason comes again, it is no matter of the session.
    if (sent.kind === 'lost' && sent.refusal !== undefined) {
      if (sent.refusal.reason === refusedFor) throw sent.refusal;
      refusedFor = sent.refusal.reason;
    }
    const why = sent.kind === 'lost' ? sent.error : new CourierError('drive-unavailable');
    // Without an id nobody can tell whether the file was made; the story finds out by its private property.
    const isBlind = target.kind === 'create' && target.file.id === undefined && bytes.committed();
    if (isBlind || !bytes.rewind() || !(await again({ ...waitOf(request), url: opened.uri, attempt }))) throw why;
  }
};
