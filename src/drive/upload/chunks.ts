import { CourierError } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import type { OnAnswer } from '../../unanswered-requests.ts';
import type { CallContext, DriveFile, UploadRequest, UploadTarget } from '../drive.ts';
import { type Sender, sendAfterCommit, waitOf } from './create-or-update.ts';
import type { Chunk } from './replay-buffer.ts';
import { askStatus, putChunk, readAnswer, type SessionAnswer } from './session.ts';
import { MARGIN_MS, deadlinePassed } from './upload-source.ts';

type Certain = Exclude<SessionAnswer, { kind: 'doubt' }>;

/** How a session has ended. */
export type SessionEnd =
  | Exclude<Certain, { kind: 'stored' | 'done' }>
  /** `isAnswer`: this is Drive's answer to the last chunk, not to a later status query. */
  | { kind: 'done'; response: GoogleResponse; isAnswer: boolean }
  /** Before the last chunk: `beforeCommit` returned a file. */
  | { kind: 'superseded'; file: DriveFile };

interface SentChunk {
  uri: string;
  chunk: Chunk;
  size: number | undefined;
  onSend: CallContext['onSend'];
}

/**
 * The answer to a chunk; `doubt` if there was none. The last chunk is sent only after the last check of the bytes.
 * @returns the file that this check has found instead, if it has found one
 */
const sendChunk = async (
  sender: Sender,
  target: UploadTarget,
  { uri, chunk, size, onSend }: SentChunk,
): Promise<{ answer: SessionAnswer; tookMs: number } | { file: DriveFile }> => {
  const { client, request, source, now } = sender;
  const views = source.buffer().views(chunk.from, chunk.to);
  let startMs = now();
  const send = async (beforeSend: CallContext['beforeSend']): Promise<{ answer: SessionAnswer; tookMs: number }> => {
    const context = {
      ...request,
      onSend,
      async beforeSend() {
        await beforeSend?.();
        startMs = now();
      },
    };
    const answer = await putChunk(client, { uri, chunk, size, views }, context).then(
      (response) => readAnswer(client, response),
      (error: unknown): SessionAnswer => {
        const ended = request.signal?.aborted === true || now() >= (request.deadlineMs ?? Infinity);
        if (ended || !(error instanceof CourierError) || error.code !== 'drive-unavailable') throw error;
        return { kind: 'doubt', error };
      },
    );
    return { answer, tookMs: now() - startMs };
  };
  return chunk.whole === undefined
    ? send(request.beforeSend)
    : sendAfterCommit(sender, { bytes: chunk.whole, target, sessionUri: uri }, send);
};

interface Doubt {
  uri: string;
  attempt: number;
  size: number | undefined;
  doubt: Extract<SessionAnswer, { kind: 'doubt' }>;
}

/** "To request the upload status …": when the state is in doubt, the session is queried. */
const querySession = async (
  { client, request, again }: Sender,
  { uri, attempt, size, doubt }: Doubt,
): Promise<Certain> => {
  if (!(await again({ ...waitOf(request), response: doubt.response, url: uri, attempt }))) throw doubt.error;
  const answer = readAnswer(client, await askStatus(client, uri, size, request));
  if (answer.kind === 'doubt') throw answer.error;
  return answer;
};

const bytesLost = (): SessionEnd => ({
  kind: 'lost',
  error: new CourierError('drive-unavailable', { detail: 'Drive lost bytes that it had acknowledged.' }),
});

const endedByOther = (): SessionEnd => ({
  kind: 'lost',
  error: new CourierError('drive-unavailable', { detail: 'Another try has completed the upload session.' }),
});

/**
 * What follows from the answer to a chunk: the session has ended, or has stored a number of bytes, from which the next chunk is
 * sent.
 */
const judge = (
  answer: Certain,
  { chunk, isAnswer, firstHeld, isShared }: { chunk: Chunk; isAnswer: boolean; firstHeld: number; isShared: boolean },
): SessionEnd | Extract<Certain, { kind: 'stored' }> => {
  if (answer.kind === 'done') {
    // A session is complete before its last chunk only if another try with this session has sent that chunk.
    return chunk.whole === undefined ? endedByOther() : { ...answer, isAnswer };
  }
  if (answer.kind !== 'stored') return answer;
  // The number of bytes that Drive has stored counts, whether more or less than was sent. But only bytes still held can be
  // sent. More than this try has sent come from another try that shares the session, and are the same bytes.
  return answer.bytes < firstHeld || (answer.bytes > chunk.to && !isShared) ? bytesLost() : answer;
};

/** The requests that may complete a session. */
const createCommits = ({ onCommit }: UploadRequest, target: UploadTarget) => {
  const sent: OnAnswer[] = [];
  return {
    onSend(): OnAnswer | undefined {
      const onAnswer = onCommit?.(target);
      if (onAnswer !== undefined) sent.push(onAnswer);
      return onAnswer;
    },
    /** A session completes once, so this answers each of them. */
    completed(): void {
      for (const onAnswer of sent) onAnswer(200);
    },
  };
};

/** Where a session is between two chunks. */
interface Progress {
  /** The bytes that Drive has stored. */
  acknowledged: number;
  /** How many chunks in a row Drive has stored nothing of. */
  failures: number;
  /** The longest time that it took to answer a chunk, in milliseconds. */
  chunkMs: number;
}

/** Waits for the bytes after those that are stored. A chunk that would not be answered in time is not sent. */
const nextChunk = async ({ request, source, now }: Sender, { acknowledged, chunkMs }: Progress): Promise<Chunk> => {
  const buffer = source.buffer();
  buffer.drop(acknowledged);
  const chunk = await buffer.next(acknowledged);
  if (now() + chunkMs + MARGIN_MS > (request.deadlineMs ?? Infinity)) throw deadlinePassed();
  return chunk;
};

/**
 * Counts the chunks in a row that were not stored. Before the next one it waits, unless the wait came before a query of the
 * session.
 * @throws CourierError if there is no further attempt
 * @param isQueried the session was queried for what it has stored, which was preceded by a wait
 */
const countFailures = async (
  { request, again }: Sender,
  { acknowledged, failures }: Progress,
  { uri, bytes, isQueried }: { uri: string; bytes: number; isQueried: boolean },
): Promise<number> => {
  if (bytes > acknowledged) return 0;
  const attempt = failures + 1;
  if (!isQueried && !(await again({ ...waitOf(request), url: uri, attempt }))) {
    throw new CourierError('drive-unavailable', { detail: 'Drive does not store the bytes that are sent to it.' });
  }
  return attempt;
};

/** Sends chunk after chunk, each from where Drive says it is, until the file is whole or the session is lost. */
export const sendChunks = async (
  sender: Sender,
  target: UploadTarget,
  { uri, stored }: { uri: string; stored: number },
): Promise<SessionEnd> => {
  const { request, source } = sender;
  // Only sources with an identity share a session: their bytes never differ.
  const isShared = request.keepSession !== undefined;
  const commits = createCommits(request, target);
  let progress: Progress = { acknowledged: stored, failures: 0, chunkMs: 0 };
  for (;;) {
    const chunk = await nextChunk(sender, progress);
    const size = request.source.size ?? chunk.whole?.size;
    const onSend = chunk.whole === undefined ? undefined : commits.onSend;
    const sent = await sendChunk(sender, target, { uri, chunk, size, onSend });
    if ('file' in sent) return { kind: 'superseded', file: sent.file };
    const { answer: first, tookMs } = sent;
    const isQueried = first.kind === 'doubt';
    const answer = isQueried
      ? await querySession(sender, { uri, attempt: progress.failures + 1, size, doubt: first })
      : first;
    if (answer.kind === 'done') commits.completed();
    const firstHeld = source.buffer().start();
    const judged = judge(answer, { chunk, isAnswer: !isQueried, firstHeld, isShared });
    if (judged.kind !== 'stored') return judged;
    const { bytes } = judged;
    if (bytes > chunk.to) source.reopen(bytes);
    const failures = await countFailures(sender, progress, { uri, bytes, isQueried });
    progress = { acknowledged: bytes, failures, chunkMs: Math.max(progress.chunkMs, tookMs) };
  }
};
