import { createHash } from 'node:crypto';
import { CourierError } from '../../errors.ts';
import type { BlockLease } from './buffer-budget.ts';
import type { ReceivedBytes } from '../drive.ts';
import { pastMaxBytes } from '../past-max-bytes.ts';

/** Drive advises large chunks; beyond this they gain little and hold much. In bytes of the real granularity: 16 MiB. */
const MAX_CHUNK_BLOCKS = 64;

/** Bytes to send next: `[from, to)` of the file. */
export interface Chunk {
  from: number;
  to: number;
  /** The file's size and hash, with its last chunk only: it is known to be the last because the source has ended well. */
  whole?: Whole;
}

export type Whole = ReceivedBytes;

/**
 * The replayable chunk buffer: what the source has given and Drive has not yet acknowledged.
 * It reads ahead by itself as far as its blocks reach, and so does the caller's socket wait for Drive.
 */
export interface ReplayBuffer {
  /** Offset of the first byte still held: bytes before it can not be sent again. */
  start(): number;
  /** Reads until more than `bytes` are held, the source has ended, or no block is left. Answers the whole, if it ended within. */
  readAhead(bytes: number): Promise<Whole | undefined>;
  /** The next chunk from an offset that is held; all but the last are multiples of the granularity. */
  next(from: number): Promise<Chunk>;
  /** Views of the bytes held, good until they are dropped. */
  views(from: number, to: number): Uint8Array[];
  /** Drive has everything before this offset. */
  drop(before: number): void;
  /** Reads the rest for its hash alone. */
  drain(): Promise<Whole>;
  /** Whoever waits gets this error. */
  fail(error: unknown): void;
  /** Gives the blocks back and lets go of the source. */
  close(): void;
}

interface ReplayBufferOptions {
  bytes: AsyncIterable<Uint8Array>;
  lease: BlockLease;
  blockBytes: number;
  maxBytes: number;
  /** The source's own word; a source that breaks it is cut. */
  size: number | undefined;
  /** Bytes at the beginning that Drive has already: hashed, not kept. */
  skip?: number;
  withMd5?: boolean;
}

const truncated = (size: number, announced: number): CourierError =>
  new CourierError('body-truncated', { detail: `${size} bytes came where ${announced} were announced.` });

/** Someone may wait for one thing to happen at a time. */
const createBell = () => {
  let wake: (() => void) | undefined;
  return {
    ring(): void {
      wake?.();
      wake = undefined;
    },
    heard: (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
};

export const createReplayBuffer = ({
  bytes,
  lease,
  blockBytes,
  maxBytes,
  size,
  skip = 0,
  withMd5 = false,
}: ReplayBufferOptions): ReplayBuffer => {
  const hash = createHash('sha256');
  const md5 = withMd5 ? createHash('md5') : undefined;
  const blocks: Buffer[] = [];
  /** Offset of the first byte of `blocks[0]`. */
  let base = skip;
  let start = skip;
  /** Offset after the last byte held. */
  let end = skip;
  let whole: Whole | undefined;
  /** The reader has bytes in hand and no block to put them into; it says so anew after each drop. */
  let blocked = false;
  let draining = false;
  let closed = false;
  let failure: { error: unknown } | undefined;
  const progress = createBell();
  const room = createBell();

  const limit = (): number => Math.min(lease.share(), 2 * MAX_CHUNK_BLOCKS);

  const releaseBefore = (offset: number): void => {
    while (blocks.length > 0 && base + blockBytes <= offset) {
      const block = blocks.shift();
      if (block !== undefined) lease.give(block);
      base += blockBytes;
    }
  };

  /** Somewhere to write to: the rest of the last block, or a new one. Undefined when all that may be held is full. */
  const space = (): Buffer | undefined => {
    const used = end - base;
    const last = blocks.at(-1);
    if (last !== undefined && used < blocks.length * blockBytes) return last.subarray(used % blockBytes);
    const block = blocks.length < limit() ? lease.take() : undefined;
    if (block !== undefined) blocks.push(block);
    return block;
  };

  /** Copies a piece as room is made for it, for as long as anybody wants the bytes. */
  const keep = async (piece: Uint8Array): Promise<void> => {
    for (let offset = 0; offset < piece.byteLength && !closed && !draining; ) {
      const free = space();
      if (free === undefined) {
        blocked = true;
        progress.ring();
        await room.heard();
        blocked = false;
      } else {
        const part = piece.subarray(offset, offset + free.byteLength);
        free.set(part);
        offset += part.byteLength;
        end += part.byteLength;
      }
    }
  };

  const read = async (): Promise<void> => {
    let received = 0;
    for await (const piece of bytes) {
      hash.update(piece);
      md5?.update(piece);
      received += piece.byteLength;
      if (received > maxBytes) throw pastMaxBytes(`The file has more than ${maxBytes} bytes.`);
      if (size !== undefined && received > size) throw truncated(received, size);
      if (received > skip) await keep(piece.subarray(Math.max(0, piece.byteLength - (received - skip))));
      // Let go of the source at once, rather than at its next piece.
      if (closed) return;
      progress.ring();
    }
    if (received < (size ?? skip)) throw truncated(received, size ?? skip);
    whole = { sha256: hash.digest('hex'), size: received, ...(md5 === undefined ? {} : { md5: md5.digest('hex') }) };
    progress.ring();
  };

  const fail = (error: unknown): void => {
    failure ??= { error };
    progress.ring();
  };
  read().catch(fail);

  /** Waits for the answer that `look` finds. */
  const until = async <Found>(look: () => Found | undefined): Promise<Found> => {
    for (;;) {
      if (failure !== undefined) throw failure.error;
      const found = look();
      if (found !== undefined) return found;
      await progress.heard();
    }
  };

  /** Half of what may be held: while one half is on its way, the other fills. */
  const chunkBytes = (): number => Math.min(MAX_CHUNK_BLOCKS, Math.max(1, Math.floor(limit() / 2))) * blockBytes;

  const look = (from: number, most: number): Chunk | undefined => {
    const held = end - from;
    if (whole !== undefined && held <= most) return { from, to: end, whole };
    if (held > most || (held === most && blocked)) return { from, to: from + most };
    // No more room: what is here goes out, by whole multiples; that more follows is certain, for it is in the reader's hand.
    const multiple = held - (held % blockBytes);
    return blocked && multiple > 0 ? { from, to: from + multiple } : undefined;
  };

  return {
    start: () => start,
    async readAhead(most) {
      const { ended } = await until(() => {
        if (whole !== undefined) return { ended: whole.size <= most };
        return blocked || end > most ? { ended: false } : undefined;
      });
      return ended ? whole : undefined;
    },
    next(from) {
      const most = chunkBytes();
      return until(() => look(from, most));
    },
    views(from, to) {
      const views: Uint8Array[] = [];
      for (let offset = from; offset < to; ) {
        const block = blocks[Math.floor((offset - base) / blockBytes)];
        if (block === undefined) throw new Error('these bytes are not held');
        const at = (offset - base) % blockBytes;
        const view = block.subarray(at, Math.min(blockBytes, at + to - offset));
        views.push(view);
        offset += view.byteLength;
      }
      return views;
    },
    drop(before) {
      start = Math.max(start, before);
      releaseBefore(start);
      blocked = false;
      room.ring();
    },
    drain() {
      draining = true;
      room.ring();
      return until(() => whole);
    },
    fail,
    close() {
      closed = true;
      while (blocks.length > 0) lease.give(blocks.pop() as Buffer);
      room.ring();
    },
  };
};
