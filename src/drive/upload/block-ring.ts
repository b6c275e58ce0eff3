import type { BlockLease } from './buffer-budget.ts';

/** Consecutive bytes of a file in blocks of one size: filled at the end, released from the start. */
export interface BlockRing {
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
export const createBlockRing = (
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
        if (block === undefined) throw new Error('these bytes are not held');
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
