import type { Source } from '../domain.ts';

/** Told about the bytes of a source as they are read. */
interface Reading {
  /** Throws to end the reading. */
  count?: ((bytes: number) => void) | undefined;
  /** The source was read to its end. */
  end(): void;
}

/** A source that counts the bytes that are read from it. Bytes that are read again after an interruption count once. */
export const countedSource = (source: Source, reading: Reading): Source => {
  let end = 0;
  async function* counted(bytes: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
    let position = offset;
    for await (const chunk of bytes) {
      position += chunk.byteLength;
      if (position > end) {
        reading.count?.(position - end);
        end = position;
        // A reader that knows the size reads no further.
        if (end === source.size) reading.end();
      }
      yield chunk;
    }
    reading.end();
  }
  const { open, openAt, asRows } = source;
  return {
    ...source,
    open: () => counted(open(), 0),
    openAt: openAt && ((offset) => counted(openAt(offset), offset)),
    // A sheet gets these instead.
    asRows: asRows && countedSource(asRows, reading),
  };
};
