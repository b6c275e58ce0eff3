import type { Source } from '../../domain.ts';
import { turn } from '../../turns.ts';

const PIECE_BYTES = 65_536;

/** Bytes that are here already; whoever hashes them gets to other work in between. */
export const bytesSource = (bytes: Uint8Array, mimeType: string): Source => {
  async function* openAt(offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < bytes.byteLength; at += PIECE_BYTES) {
      if (at > offset) await turn();
      yield bytes.subarray(at, at + PIECE_BYTES);
    }
  }
  return { size: bytes.byteLength, mimeType, open: () => openAt(0), openAt };
};
