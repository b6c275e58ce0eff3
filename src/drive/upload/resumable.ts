import { CourierError } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import { isDocsType } from '../../text/media-type.ts';
import { fileOf } from '../client.ts';
import type { DriveFile, UploadRequest, UploadTarget } from '../drive.ts';
import { type SessionEnd, sendChunks } from './chunks.ts';
import { findExisting, refusedTarget, type Sender, type Sent, waitOf, withDigest } from './create-or-update.ts';
import { askStatus, cancelSession, readAnswer, sessionUriOf, startSession } from './session.ts';

/** What is to be done next in a resumable upload. */
type State =
  | { name: 'start' }
  /** `stored`: how many bytes Drive has. */
  | { name: 'send'; uri: string; stored: number }
  /** The session is lost, or Drive refused it for a reason that the courier does not know (`refusal`). */
  | { name: 'start-over'; uri: string; error: CourierError; refusal: CourierError | undefined }
  | { name: 'ended'; sent: Sent };

const ended = (sent: Sent): State => ({ name: 'ended', sent });

/** The file that a session has written, from its last answer, or looked up if that does not describe it. */
const shownFile = async (
  { get, request }: Sender,
  target: UploadTarget,
  response: GoogleResponse,
): Promise<DriveFile | undefined> => {
  try {
    return fileOf(response);
  } catch {
    const id = target.kind === 'create' ? target.file.id : target.id;
    return id === undefined ? undefined : get(id, request);
  }
};

/** For a session of an earlier try that has received all its bytes. Undefined if the bytes must be sent again. */
const endedBefore = async (
  sender: Sender,
  target: UploadTarget,
  response: GoogleResponse,
): Promise<Sent | undefined> => {
  const { source, request } = sender;
  const file = await shownFile(sender, target, response);
  if (file === undefined || file.trashed) return undefined;
  // The key may have another id since then.
  if (target.kind === 'create') return file.id === target.file.id ? { kind: 'exists', file } : undefined;
  const received = await source.buffer().drain();
  const superseding = await request.beforeCommit?.(received, target);
  if (superseding !== undefined) return { kind: 'superseded', file: superseding.file };
  const isSame = isDocsType(file.mimeType) || file.sha256Checksum === received.sha256;
  if (isSame) return { kind: 'written-before', file };
  source.reopen(0);
  return undefined;
};

/** Queries how many bytes a session of an earlier try has. */
const resume = async (sender: Sender, target: UploadTarget, uri: string): Promise<State> => {
  const { client, request, source } = sender;
  const answer = readAnswer(client, await askStatus(client, uri, request.source.size, request));
  if (answer.kind === 'doubt') throw answer.error;
  if (answer.kind === 'done') {
    const sent = await endedBefore(sender, target, answer.response);
    return sent === undefined ? { name: 'start' } : ended(sent);
  }
  if (answer.kind !== 'stored') return { name: 'start' };
  source.reopen(answer.bytes);
  return { name: 'send', uri, stored: answer.bytes };
};

const start = async (sender: Sender, target: UploadTarget): Promise<State> => {
  const { client, request, source } = sender;
  // The source is read while the session is started.
  source.buffer();
  const response = await startSession(client, target, request.source.size, request);
  if (response.status >= 300) return ended(await refusedTarget(sender, target, response));
  const uri = sessionUriOf(response);
  await request.keepSession?.(uri, target);
  return { name: 'send', uri, stored: 0 };
};

/** A failed session is kept only if a later try can resume it. */
const isKept = ({ keepSession, signal }: UploadRequest, error: unknown): boolean =>
  keepSession !== undefined && (signal?.aborted === true || (error instanceof CourierError && error.retryable));

/** Sends the bytes. A session that fails is cancelled, so that it can never become an incomplete file. */
const runSession = async (
  sender: Sender,
  target: UploadTarget,
  session: { uri: string; stored: number },
): Promise<SessionEnd> => {
  const { client, request, now } = sender;
  try {
    const end = await sendChunks(sender, target, session);
    if (end.kind === 'superseded') await cancelSession(client, session.uri, now);
    return end;
  } catch (error) {
    if (!isKept(request, error)) await cancelSession(client, session.uri, now);
    throw error;
  }
};

const send = async (sender: Sender, target: UploadTarget, session: { uri: string; stored: number }): Promise<State> => {
  const { uri } = session;
  const end = await runSession(sender, target, session);
  switch (end.kind) {
    case 'superseded':
      return ended(end);
    case 'done': {
      const file = await shownFile(sender, target, end.response);
      if (file === undefined) {
        throw new CourierError('drive-unavailable', { detail: 'Drive does not show the file yet.' });
      }
      // Another try may have completed a session that is kept for later tries; Drive then gives the same answer as to the
      // last chunk.
      return ended({ kind: 'written', file, isAnswer: end.isAnswer && sender.request.keepSession === undefined });
    }
    case 'exists':
      return target.kind === 'create' && target.file.id !== undefined
        ? ended(await findExisting(sender, target))
        : { name: 'start-over', uri, error: new CourierError('drive-unavailable'), refusal: undefined };
    case 'lost':
      return { name: 'start-over', uri, error: end.error, refusal: end.refusal };
  }
};

/**
 * A resumable upload that survives errors: a lost session is started again for the same target, a lost answer ends in the
 * same file, and incomplete bytes never become a file.
 * @param resumed the URI of an earlier try's session
 */
export const sendResumable = async (
  sender: Sender,
  wanted: UploadTarget,
  resumed: string | undefined,
): Promise<Sent> => {
  const { request, source, again } = sender;
  const target = withDigest(wanted, request);
  let refusedFor: string | undefined;
  let attempt = 0;

  const startOver = async ({ uri, error, refusal }: State & { name: 'start-over' }): Promise<State> => {
    // A new session may help once. If Drive gives the same reason again, it is not about the session.
    if (refusal !== undefined) {
      if (refusal.reason === refusedFor) throw refusal;
      refusedFor = refusal.reason;
    }
    attempt += 1;
    // Without an id it is unknown whether the file was created. The caller of this function finds it by its private property.
    const isBlind = target.kind === 'create' && target.file.id === undefined && source.committed();
    if (isBlind || !source.rewind() || !(await again({ ...waitOf(request), url: uri, attempt }))) throw error;
    return { name: 'start' };
  };

  let state: State = resumed === undefined ? { name: 'start' } : await resume(sender, target, resumed);
  for (;;) {
    switch (state.name) {
      case 'start':
        state = await start(sender, target);
        break;
      case 'send':
        state = await send(sender, target, state);
        break;
      case 'start-over':
        state = await startOver(state);
        break;
      case 'ended':
        return state.sent;
    }
  }
};
