import { createHash } from 'node:crypto';
import type { Source } from '../../../domain.ts';
import { pastMaxBytes } from '../../../drive/past-max-bytes.ts';

/** Counts and hashes bytes while they are read. */
export interface BytesMeter {
  readonly bytes: AsyncIterable<Uint8Array>;
  readRest(): Promise<void>;
  /** What was read until the first call. */
  received(): { sha256: string; size: number };
}

/** Reading more than `maxBytes` throws the CourierError `too-large`. */
export const createBytesMeter = (source: Source, maxBytes: number): BytesMeter => {
  const hash = createHash('sha256');
  let size = 0;
  let sha256: string | undefined;
  async function* read(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source.open()) {
      size += chunk.byteLength;
      if (size > maxBytes) throw pastMaxBytes(`The file has more than ${maxBytes} bytes.`);
      hash.update(chunk);
      yield chunk;
    }
  }
  const bytes = read();
  return {
    bytes,
    async readRest(): Promise<void> {
      for (let isOver = false; !isOver; ) isOver = (await bytes.next()).done === true;
    },
    received(): { sha256: string; size: number } {
      sha256 ??= hash.digest('hex');
      return { sha256, size };
    },
  };
};
