import { createHash } from 'node:crypto';
import { CourierError } from '../../errors.ts';
import type { ReceivedBytes } from '../drive.ts';
import { pastMaxBytes } from '../past-max-bytes.ts';
import type { BlockLease } from './buffer-budget.ts';

/** Consecutive bytes of a file in blocks of one size: filled at the end, released from the start. */
interface BlockRing {
  /** Offset after the last byte held. */
  end(): number;
  /** Copies as much of the piece as there is room for. Returns how many bytes; 0 if every block that may be held is full. */
  append(piece: Uint8Array): number;
  /** Views of `[from, to)`, valid until these bytes are released. */
  views(from: number, to: number): Uint8Array[];
  /** Gives back the blocks that lie wholly before an offset. */
  releaseBefore(offset: number): void;
  /** Gives back all blocks. */
  release(): void;
}

/**
 * @param start offset of the first byte to be held
 * @param maxBlocks how many blocks may be held at present
 */
const createBlockRing = (
  lease: BlockLease,
  { start, blockBytes, maxBlocks }: { start: number; blockBytes: number; maxBlocks: () => number },
): BlockRing => {
  const blocks: Buffer[] = [];
  /** Offset of the first byte of `blocks[0]`. */
  let base = start;
  let end = start;

  /** The rest of the last block, or a new block. */
  const room = (): Buffer | undefined => {
    const used = end - base;
    const last = blocks.at(-1);
    if (last !== undefined && used < blocks.length * blockBytes) return last.subarray(used % blockBytes);
    const block = blocks.length < maxBlocks() ? lease.take() : undefined;
    if (block !== undefined) blocks.push(block);
    return block;
  };

  return {
    end: () => end,
    append(piece) {
      const free = room();
      if (free === undefined) return 0;
      const part = piece.subarray(0, free.byteLength);
      free.set(part);
      end += part.byteLength;
      return part.byteLength;
    },
    views(from, to) {
      const views: Uint8Array[] = [];
      for (let offset = from; offset < to; ) {
        const block = blocks[Math.floor((offset - base) / blockBytes)];
        if (block === undefined) throw new Error('these bytes are not held in the buffer');
        const at = (offset - base) % blockBytes;
        const view = block.subarray(at, Math.min(blockBytes, at + to - offset));
        views.push(view);
        offset += view.byteLength;
      }
      return views;
    },
    releaseBefore(offset) {
      while (blocks.length > 0 && base + blockBytes <= offset) {
        const block = blocks.shift();
        if (block !== undefined) lease.give(block);
        base += blockBytes;
      }
    },
    release() {
      for (const block of blocks.splice(0)) lease.give(block);
    },
  };
};

/** Drive advises large chunks. Beyond this size they gain little and hold much memory. In blocks of 256 KiB: 16 MiB. */
const MAX_CHUNK_BLOCKS = 64;

/** Bytes to send next: `[from, to)` of the file. */
export interface Chunk {
  from: number;
  to: number;
  /** Only with the last chunk, which is known because the source has ended well: the size and hash of the file. */
  whole?: ReceivedBytes;
}

/**
 * The replay buffer: bytes that were read from the source and that Drive has not yet acknowledged. It reads ahead until its blocks are
 * full, and then stops reading, so that the caller's socket waits for Drive.
 */
export interface ReplayBuffer {
  /** Offset of the first byte still held: bytes before it cannot be sent again. */
  start(): number;
  /**
   * Reads until more than `bytes` are held, the source has ended, or no block is free. Returns the size and hash if the
   * source has ended.
   */
  readAhead(bytes: number): Promise<ReceivedBytes | undefined>;
  /** The next chunk from an offset that is held; all but the last are multiples of the block size. */
  next(from: number): Promise<Chunk>;
  /** Views of the bytes held, valid until they are dropped. */
  views(from: number, to: number): Uint8Array[];
  /** Drive has everything before this offset. */
  drop(before: number): void;
  /** Reads the rest to hash it, without keeping it. */
  drain(): Promise<ReceivedBytes>;
  /** Fails those that wait for bytes. */
  fail(error: unknown): void;
  /** Gives the blocks back and closes the source. */
  close(): void;
}

interface ReplayBufferOptions {
  bytes: AsyncIterable<Uint8Array>;
  lease: BlockLease;
  blockBytes: number;
  maxBytes: number;
  /** The size that the source announced; another size is `body-truncated`. */
  size: number | undefined;
  /** Bytes at the beginning that Drive already has: they are hashed, not kept. */
  skip?: number;
  withMd5?: boolean;
}

const truncated = (size: number, announced: number): CourierError =>
  new CourierError('body-truncated', { detail: `${size} bytes arrived, but ${announced} were announced.` });

/** Lets one waiter at a time wait for a change. */
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

/**
 * Passes on a source's bytes piece by piece, hashes them, and enforces the limits. Returns the size and hash when the source
 * has ended without an error.
 */
const readAll = async (
  { bytes, maxBytes, size, skip = 0, withMd5 = false }: ReplayBufferOptions,
  keep: (piece: Uint8Array) => Promise<'continue' | 'stop'>,
): Promise<ReceivedBytes | undefined> => {
  const hash = createHash('sha256');
  const md5 = withMd5 ? createHash('md5') : undefined;
  let received = 0;
  for await (const piece of bytes) {
    hash.update(piece);
    md5?.update(piece);
    received += piece.byteLength;
    if (received > maxBytes) throw pastMaxBytes(`The file has more than ${maxBytes} bytes.`);
    if (size !== undefined && received > size) throw truncated(received, size);
    const isNew = received > skip;
    const fresh = isNew ? piece.subarray(Math.max(0, piece.byteLength - (received - skip))) : piece.subarray(0, 0);
    // Leaving the loop closes the source at once, rather than at its next piece.
    if ((await keep(fresh)) === 'stop') return undefined;
  }
  if (received < (size ?? skip)) throw truncated(received, size ?? skip);
  return { sha256: hash.digest('hex'), size: received, md5: md5?.digest('hex') };
};

export const createReplayBuffer = (options: ReplayBufferOptions): ReplayBuffer => {
  const { lease, blockBytes, skip = 0 } = options;
  const maxBlocks = (): number => Math.min(lease.share(), 2 * MAX_CHUNK_BLOCKS);
  const ring = createBlockRing(lease, { start: skip, blockBytes, maxBlocks });
  const progress = createBell();
  const room = createBell();
  let start = skip;
  let whole: ReceivedBytes | undefined;
  let failure: { error: unknown } | undefined;
  /** The reader has bytes and no block to put them into. It sets this again after each drop. */
  let blocked = false;
  let draining = false;
  let closed = false;

  /** Copies a piece as blocks become free, until no reader needs the bytes any more. */
  const keep = async (piece: Uint8Array): Promise<'continue' | 'stop'> => {
    for (let offset = 0; offset < piece.byteLength && !closed && !draining; ) {
      const copied = ring.append(piece.subarray(offset));
      offset += copied;
      if (copied > 0) continue;
      blocked = true;
      progress.ring();
      await room.heard();
      blocked = false;
    }
    if (closed) return 'stop';
    progress.ring();
    return 'continue';
  };

  const fail = (error: unknown): void => {
    failure ??= { error };
    progress.ring();
  };

  readAll(options, keep)
    .then((received) => {
      whole = received;
      progress.ring();
    })
    .catch(fail);

  /** Waits until `look` finds something. */
  const until = async <Found>(look: () => Found | undefined): Promise<Found> => {
    for (;;) {
      if (failure !== undefined) throw failure.error;
      const found = look();
      if (found !== undefined) return found;
      await progress.heard();
    }
  };

  /** Half of what may be held: while one half is being sent, the other half fills. */
  const chunkBytes = (): number => Math.min(MAX_CHUNK_BLOCKS, Math.max(1, Math.floor(maxBlocks() / 2))) * blockBytes;

  /**
   * The chunk that can be sent now; undefined if more bytes must arrive first. The chunk that would complete the file needs the
   * end of the source (`whole`): with exactly `most` bytes held, it is not known yet whether they are the last ones, unless the
   * reader is blocked, for then it has more.
   */
  const chunkAt = (from: number, most: number): Chunk | undefined => {
    const held = ring.end() - from;
    if (whole !== undefined && held <= most) return { from, to: ring.end(), whole };
    if (held > most || (held === most && blocked)) return { from, to: from + most };
    // No block is free. The whole blocks held are not the last ones, for the reader has more bytes: they can be sent.
    const multiple = held - (held % blockBytes);
    return blocked && multiple > 0 ? { from, to: from + multiple } : undefined;
  };

  return {
    start: () => start,
    async readAhead(most) {
      const { ended } = await until(() => {
        if (whole !== undefined) return { ended: whole.size <= most };
        return blocked || ring.end() > most ? { ended: false } : undefined;
      });
      return ended ? whole : undefined;
    },
    next(from) {
      const most = chunkBytes();
      return until(() => chunkAt(from, most));
    },
    views: ring.views,
    drop(before) {
      start = Math.max(start, before);
      ring.releaseBefore(start);
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
      ring.release();
      room.ring();
    },
  };
};
