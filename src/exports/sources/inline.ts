import type { Source } from '../../domain.ts';
import { turn } from '../../turns.ts';

const PIECE_BYTES = 65_536;

/** A source of bytes in memory. They are read in pieces, so that hashing them does not block other requests. */
export const bytesSource = (bytes: Uint8Array, mimeType: string): Source => {
  async function* openAt(offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < bytes.byteLength; at += PIECE_BYTES) {
      if (at > offset) await turn();
      yield bytes.subarray(at, at + PIECE_BYTES);
    }
  }
  return { size: bytes.byteLength, mimeType, open: () => openAt(0), openAt };
};
