/** Reads a stream of bytes in parts of a known length. */
export interface ByteReader {
  /** The next bytes; valid until the next call. @throws EndOfBytes if fewer are left */
  take(length: number): Promise<Buffer>;
  /** True if nothing is left. */
  isAtEnd(): Promise<boolean>;
  /** Ends the stream, also before its end. */
  close(): Promise<void>;
}

/** The stream has ended in the middle of something. */
export class EndOfBytes extends Error {}

export const createByteReader = (bytes: AsyncIterable<Uint8Array>): ByteReader => {
  const source = bytes[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  let isDone = false;

  /** Reads until so many bytes are held, or the stream ends. */
  const fill = async (length: number): Promise<void> => {
    const pieces = [held];
    let size = held.byteLength;
    while (size < length && !isDone) {
      const { done, value } = await source.next();
      if (done === true) isDone = true;
      else {
        // A chunk is valid only until the next one is requested.
        pieces.push(Buffer.from(value));
        size += value.byteLength;
      }
    }
    if (pieces.length > 1) held = Buffer.concat(pieces);
  };

  return {
    async take(length) {
      if (held.byteLength < length) await fill(length);
      if (held.byteLength < length) throw new EndOfBytes();
      const taken = held.subarray(0, length);
      held = held.subarray(length);
      return taken;
    },
    async isAtEnd() {
      if (held.byteLength === 0) await fill(1);
      return held.byteLength === 0;
    },
    async close() {
      await source.return?.();
    },
  };
};
