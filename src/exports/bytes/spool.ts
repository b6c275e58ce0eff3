import { isAscii, isUtf8 } from 'node:buffer';
import { CourierError } from '../../errors.ts';
import { TURN_BYTES, turn } from '../../turns.ts';
import { MalformedJson } from '../json/events.ts';
import type { JsonScanner } from '../json/scanner.ts';

/** Bytes in memory, in one or more pieces. */
export interface Bytes {
  size: number;
  /** A piece that starts at this offset. It ends at `to` or earlier, and has at most `TURN_BYTES`. */
  at(offset: number, to: number): Uint8Array;
}

const BLOCK_BYTES = 65_536;

/** The bytes of one buffer. */
export const bytesOf = (buffer: Uint8Array): Bytes => ({
  size: buffer.byteLength,
  at: (offset, to) => buffer.subarray(offset, Math.min(to, offset + TURN_BYTES)),
});

/**
 * Collects bytes as they arrive. They are copied into blocks, because keeping many small pieces would need far more
 * memory.
 */
export class Spool implements Bytes {
  readonly #blocks: Buffer[] = [];
  size = 0;

  add(piece: Uint8Array): void {
    for (let from = 0; from < piece.byteLength; ) {
      const at = this.size % BLOCK_BYTES;
      if (at === 0) this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
      const part = piece.subarray(from, from + BLOCK_BYTES - at);
      this.#blocks.at(-1)?.set(part, at);
      from += part.byteLength;
      this.size += part.byteLength;
    }
  }

  at(offset: number, to: number): Uint8Array {
    const block = this.#blocks[Math.floor(offset / BLOCK_BYTES)];
    if (block === undefined) throw new RangeError('there is no byte at this offset');
    const from = offset % BLOCK_BYTES;
    return block.subarray(from, Math.min(from + TURN_BYTES, BLOCK_BYTES, from + to - offset));
  }

  /** Frees the memory immediately, without waiting for the garbage collector. */
  free(): void {
    for (const { buffer } of this.#blocks.splice(0)) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
    this.size = 0;
  }
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const MAX_CHARACTER_BYTES = 4;

/** The offset of an incomplete character at the end; the length of the bytes if there is none. */
const incompleteFrom = (bytes: Uint8Array): number => {
  for (let back = 1; back < MAX_CHARACTER_BYTES && back <= bytes.byteLength; back += 1) {
    const byte = bytes[bytes.byteLength - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.byteLength - back : bytes.byteLength;
  }
  return bytes.byteLength;
};

const characters = (bytes: Uint8Array): number => {
  if (isAscii(bytes)) return bytes.byteLength;
  let count = 0;
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) count += 1;
  return count;
};

/**
 * Scans JSON text as it arrives. Checks that it is UTF-8, skips a byte order mark, and reports the character at which a
 * syntax error is found.
 */
export const createJsonFeed = (scanner: JsonScanner) => {
  /** The number of bytes of a byte order mark that have been skipped. */
  let mark = 0;
  let rest: Uint8Array = Buffer.alloc(0);
  let seen = 0;

  const checkUtf8 = (piece: Uint8Array): void => {
    const bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece]);
    const end = incompleteFrom(bytes);
    if (!isUtf8(bytes.subarray(0, end)))
      throw new CourierError('request-invalid', { detail: 'The document is not UTF-8.' });
    rest = Buffer.from(bytes.subarray(end));
  };

  const malformed = (offset: number, piece: Uint8Array, from: number): CourierError => {
    const character = seen + characters(piece.subarray(0, Math.max(0, offset - from))) + 1;
    const detail = `This is not JSON: character ${character} is unexpected there.`;
    return new CourierError('request-invalid', { detail });
  };

  const guarded = (piece: Uint8Array, from: number, work: () => void): void => {
    try {
      work();
    } catch (error) {
      throw error instanceof MalformedJson ? malformed(error.offset, piece, from) : error;
    }
  };

  return {
    /** Scans the next bytes, at most `TURN_BYTES`. @throws CourierError `request-invalid` */
    add(bytes: Uint8Array): void {
      checkUtf8(bytes);
      let piece = bytes;
      while (mark < BYTE_ORDER_MARK.byteLength && scanner.offset === mark && piece[0] === BYTE_ORDER_MARK[mark]) {
        mark += 1;
        scanner.offset += 1;
        piece = piece.subarray(1);
      }
      const from = scanner.offset;
      guarded(piece, from, () => scanner.scan(piece));
      seen += characters(piece);
    },
    /** @throws CourierError `request-invalid` if the document is incomplete */
    end(): void {
      if (rest.byteLength > 0) throw new CourierError('request-invalid', { detail: 'The document is not UTF-8.' });
      guarded(rest, scanner.offset, () => scanner.end());
    },
  };
};

/** Scans JSON text in memory. @throws CourierError `request-invalid` */
export const scanAll = async (bytes: Bytes, scanner: JsonScanner): Promise<void> => {
  const feed = createJsonFeed(scanner);
  for (let at = 0; at < bytes.size; ) {
    if (at > 0) await turn();
    const piece = bytes.at(at, bytes.size);
    feed.add(piece);
    at += piece.byteLength;
  }
  feed.end();
};
