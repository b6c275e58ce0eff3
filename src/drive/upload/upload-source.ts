import { createHash } from 'node:crypto';
import { checkDigest } from '../../domain.ts';
import { abortReason, CourierError } from '../../errors.ts';
import type { DriveFile, ReceivedBytes, UploadRequest, UploadTarget } from '../drive.ts';
import type { BlockLease } from './buffer-budget.ts';
import { createReplayBuffer, type ReplayBuffer } from './replay-buffer.ts';

/** Milliseconds before the request's deadline at which no further request begins, so that an answer still gets out. */
export const MARGIN_MS = 2_000;

/** The bytes of one upload: the buffer that they are read into, and how to start again. */
export interface UploadSource {
  buffer(): ReplayBuffer;
  /** Makes all bytes from the start available again. Returns false if they were dropped and the source cannot be reopened. */
  rewind(): boolean;
  /**
   * Reads the source from its start, because a hash cannot be resumed in another process. Bytes that Drive already has are
   * only hashed.
   */
  reopen(skip: number): void;
  /**
   * The last check before a request that can turn the bytes into a file: the announced digest, and `beforeCommit`. It runs
   * before each such request. If it returns a file, the upload ends.
   */
  commit(received: ReceivedBytes, target: UploadTarget, sessionUri?: string): Promise<{ file: DriveFile } | undefined>;
  /** Whether `commit` has passed. From then on Drive may have created the file, even if its answer is an error. */
  committed(): boolean;
  /** Reads the source to its end, and checks the announced digest. */
  received(): Promise<ReceivedBytes>;
  /** MD5 of all bytes in lower-case hex, if they are still held or can be read again. */
  md5(size: number): Promise<string | undefined>;
  close(): void;
  /** From now on the bytes belong to this request: its checks apply, and its signal ends the reading. */
  serve(request: UploadRequest): void;
}

export const deadlinePassed = (): CourierError =>
  new CourierError('drive-unavailable', { detail: 'The time for this request ended before the upload was complete.' });

/** Opens the bytes of an upload. Waiting for them fails when the signal aborts or the deadline is close. */
export const createUploadSource = (
  first: UploadRequest,
  { lease, blockBytes, now }: { lease: BlockLease; blockBytes: number; now: () => number },
): UploadSource => {
  const { source, maxBytes, deadlineMs, withMd5 = false } = first;
  let request = first;
  let current: ReplayBuffer | undefined;
  let committed: string | undefined;

  const open = (bytes: AsyncIterable<Uint8Array>, skip: number): ReplayBuffer => {
    current = createReplayBuffer({ bytes, lease, blockBytes, maxBytes, size: source.size, skip, withMd5 });
    if (request.signal?.aborted) current.fail(abortReason(request.signal));
    return current;
  };
  const buffer = (): ReplayBuffer => current ?? open(source.open(), 0);

  const onAbort = (): void => {
    if (request.signal !== undefined) current?.fail(abortReason(request.signal));
  };
  const listen = (): void => request.signal?.addEventListener('abort', onAbort, { once: true });
  const stopListening = (): void => request.signal?.removeEventListener('abort', onAbort);
  listen();
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(
          () => current?.fail(deadlinePassed()),
          Math.min(2 ** 31 - 1, Math.max(0, deadlineMs - MARGIN_MS - now())),
        );

  const reopen = (skip: number): void => {
    const bytes = source.openAt?.(0) ?? source.open();
    current?.close();
    open(bytes, skip);
  };

  return {
    buffer,
    rewind() {
      if (current === undefined || current.start() === 0) return true;
      if (source.openAt === undefined) return false;
      reopen(0);
      return true;
    },
    reopen,
    async commit(received, target, sessionUri) {
      checkDigest(request.expectedSha256, received.sha256);
      if (committed !== undefined && committed !== received.sha256) {
        throw new CourierError('drive-unavailable', {
          detail: 'The source returned other bytes when it was read again.',
        });
      }
      const superseding = await request.beforeCommit?.(received, target, sessionUri);
      if (superseding === undefined) committed = received.sha256;
      return superseding;
    },
    committed: () => committed !== undefined,
    async received() {
      const received = await buffer().drain();
      checkDigest(request.expectedSha256, received.sha256);
      return received;
    },
    async md5(size) {
      const hash = createHash('md5');
      if (current?.start() === 0) for (const view of current.views(0, size)) hash.update(view);
      else if (source.openAt === undefined) return undefined;
      else for await (const piece of source.openAt(0)) hash.update(piece);
      return hash.digest('hex');
    },
    close() {
      clearTimeout(timer);
      stopListening();
      current?.close();
    },
    serve(next) {
      stopListening();
      request = next;
      listen();
    },
  };
};
