import { CourierError } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import type { DriveFile, UploadTarget } from '../drive.ts';
import { type Sender, waitOf } from './create-or-update.ts';
import type { Chunk } from './replay-buffer.ts';
import { askStatus, putChunk, readAnswer, type SessionAnswer } from './session.ts';
import { MARGIN_MS, outOfTime } from './upload-source.ts';

type Certain = Exclude<SessionAnswer, { kind: 'doubt' }>;

/** How a session has ended. */
export type SessionEnd =
  | Exclude<Certain, { kind: 'stored' | 'done' }>
  /** `isAnswer`: this is Drive's answer to the last chunk, not to a later status query. */
  | { kind: 'done'; response: GoogleResponse; isAnswer: boolean }
  /** Before the last chunk: `beforeCommit` returned a file. */
  | { kind: 'superseded'; file: DriveFile };

/** The answer to a chunk; a doubt if there was none. */
const sendChunk = async (
  { client, request, source, now }: Sender,
  { uri, chunk, size }: { uri: string; chunk: Chunk; size: number | undefined },
): Promise<SessionAnswer> => {
  const views = source.buffer().views(chunk.from, chunk.to);
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

/** "To request the upload status …": after a doubt the session is queried, and nothing is assumed. */
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

/** Sends chunk after chunk, each from where Drive says it is, until the file is whole or the session is lost. */
export const sendChunks = async (
  sender: Sender,
  target: UploadTarget,
  { uri, stored }: { uri: string; stored: number },
): Promise<SessionEnd> => {
  const { request, source, now, again } = sender;
  const buffer = source.buffer();
  let acknowledged = stored;
  let attempt = 0;
  let chunkMs = 0;
  for (;;) {
    buffer.drop(acknowledged);
    const chunk = await buffer.next(acknowledged);
    // A chunk that would not be answered in time is not sent.
    if (now() + chunkMs + MARGIN_MS > (request.deadlineMs ?? Infinity)) throw outOfTime();
    const superseding = chunk.whole === undefined ? undefined : await source.commit(chunk.whole, target);
    if (superseding !== undefined) return { kind: 'superseded', file: superseding.file };
    const startMs = now();
    const size = request.source.size ?? chunk.whole?.size;
    const first = await sendChunk(sender, { uri, chunk, size });
    chunkMs = Math.max(chunkMs, now() - startMs);
    const answer =
      first.kind === 'doubt' ? await querySession(sender, { uri, attempt: ++attempt, size, doubt: first }) : first;
    if (answer.kind === 'done') {
      // A session is complete before its last chunk only if another try with this session has sent that chunk.
      if (chunk.whole === undefined) return endedByOther();
      return { ...answer, isAnswer: first.kind === 'done' };
    }
    if (answer.kind !== 'stored') return answer;
    // What Drive says it has stored counts, whether more or less than was sent. But only bytes still held can be sent.
    if (answer.bytes < buffer.start() || answer.bytes > chunk.to) return bytesLost();
    if (answer.bytes > acknowledged) attempt = 0;
    // After a doubt there was a wait already; after a chunk that was accepted and not stored there was none.
    else if (first.kind === 'stored' && !(await again({ ...waitOf(request), url: uri, attempt: ++attempt }))) {
      throw new CourierError('drive-unavailable', { detail: 'Drive does not store what it is sent.' });
    }
    acknowledged = answer.bytes;
  }
};
