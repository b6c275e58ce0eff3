import type { Source } from '../domain.ts';

/**
 * A source whose bytes are counted as they are read, because its size is not known in advance. Bytes that are read again
 * after an interruption count once.
 * @param count throws to end the reading
 */
export const countedSource = (source: Source, count: (bytes: number) => void): Source => {
  let end = 0;
  async function* counted(bytes: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
    let position = offset;
    for await (const chunk of bytes) {
      position += chunk.byteLength;
      if (position > end) {
        count(position - end);
        end = position;
      }
      yield chunk;
    }
  }
  const { open, openAt } = source;
  return {
    ...source,
    open: () => counted(open(), 0),
    openAt: openAt && ((offset) => counted(openAt(offset), offset)),
  };
};
