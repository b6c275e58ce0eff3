import { createHash } from 'node:crypto';
import { checkDigest } from '../../digest.ts';
import { abortReason, CourierError } from '../../errors.ts';
import type { BlockLease } from './buffer-budget.ts';
import type { DriveFile, UploadRequest, UploadTarget } from '../drive.ts';
import { createReplayBuffer, type Whole, type ReplayBuffer } from './replay-buffer.ts';

/** Milliseconds before the request's deadline at which nothing new is begun, so that an answer still gets out. */
export const MARGIN_MS = 2_000;

/** The bytes of one upload: its window, and how to begin again. */
export interface Bytes {
  window(): ReplayBuffer;
  /** Makes all bytes from the start available again; false when they are gone and the source cannot be opened again. */
  rewind(): boolean;
  /** Reads the source anew, hashing what Drive already has: the state of a hash cannot be kept between processes. */
  reopen(skip: number): void;
  /**
   * The last look before a request that can make the bytes the file's: the announced digest, and the caller's own objection.
   * Called before each such request. A file that it answers ends the upload.
   */
  commit(whole: Whole, target: UploadTarget): Promise<{ file: DriveFile } | undefined>;
  /** MD5 of all bytes in lower-case hex, where they are still held or can be read again. */
  md5(size: number): Promise<string | undefined>;
  /** Whether `commit` has passed: from then on Drive may have made the file, whatever it answers. */
  committed(): boolean;
  close(): void;
}

export const outOfTime = (): CourierError =>
  new CourierError('drive-unavailable', { detail: 'The time for this request is up before the upload is complete.' });

/** Opens the bytes of an upload, and ends the wait for them when the signal or the clock says so. */
export const createUploadSource = (
  request: UploadRequest,
  { lease, blockBytes, now }: { lease: BlockLease; blockBytes: number; now: () => number },
): Bytes => {
  const { source, maxBytes, signal, deadlineMs, withMd5 = false } = request;
  let current: ReplayBuffer | undefined;
  let committed: string | undefined;

  const open = (bytes: AsyncIterable<Uint8Array>, skip: number): ReplayBuffer => {
    current = createReplayBuffer({ bytes, lease, blockBytes, maxBytes, size: source.size, skip, withMd5 });
    if (signal?.aborted) current.fail(abortReason(signal));
    return current;
  };
  const onAbort = (): void => {
    if (signal !== undefined) current?.fail(abortReason(signal));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(
          () => current?.fail(outOfTime()),
          Math.min(2 ** 31 - 1, Math.max(0, deadlineMs - MARGIN_MS - now())),
        );

  const reopen = (skip: number): void => {
    const bytes = source.openAt?.(0) ?? source.open();
    current?.close();
    open(bytes, skip);
  };

  return {
    window: () => current ?? open(source.open(), 0),
    rewind() {
      if (current === undefined || current.start() === 0) return true;
      if (source.openAt === undefined) return false;
      reopen(0);
      return true;
    },
    reopen,
    async commit(whole, target) {
      checkDigest(request.expectedSha256, whole.sha256);
      if (committed !== undefined && committed !== whole.sha256) {
        throw new CourierError('drive-unavailable', { detail: 'The source gave other bytes when it was read again.' });
      }
      const stopped = await request.beforeCommit?.(whole, target);
      if (stopped === undefined) committed = whole.sha256;
      return stopped;
    },
    async md5(size) {
      const hash = createHash('md5');
      if (current?.start() === 0) for (const view of current.views(0, size)) hash.update(view);
      else if (source.openAt === undefined) return undefined;
      else for await (const piece of source.openAt(0)) hash.update(piece);
      return hash.digest('hex');
    },
    committed: () => committed !== undefined,
    close() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      current?.close();
    },
  };
};
