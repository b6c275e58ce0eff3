import { createGunzip, type Gunzip } from 'node:zlib';

const isPadding = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

const checkPadding = (bytes: Uint8Array): void => {
  if (!isPadding(bytes)) throw new Error('there is other data after the end of the compressed data');
};

/** Resolves when the piece has been decompressed. */
const write = (gunzip: Gunzip, piece: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    gunzip.write(piece, (error) => (error ? reject(error) : resolve()));
  });

/** Node stops at zero bytes after a member, and ignores everything that follows them. So what follows is checked here. */
const feed = async (gunzip: Gunzip, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
  let fed = 0;
  let hasEnded = false;
  for await (const piece of bytes) {
    if (hasEnded) {
      checkPadding(piece);
      continue;
    }
    await write(gunzip, piece);
    fed += piece.byteLength;
    const unused = fed - gunzip.bytesWritten;
    if (unused === 0) continue;
    hasEnded = true;
    checkPadding(piece.subarray(-unused));
  }
  gunzip.end();
};

/**
 * Decompresses gzip, also if it has several members. The bytes are read to their end. Zero bytes may follow, with which some
 * programs fill up blocks.
 * @throws what the bytes throw, and errors of zlib for damaged gzip
 */
export async function* gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const reader = bytes[Symbol.asyncIterator]();
  const feeding = feed(gunzip, { [Symbol.asyncIterator]: () => reader });
  feeding.catch((error: Error) => gunzip.destroy(error));
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
    await feeding;
  } finally {
    // If the caller stops early, the feeding waits forever for the decompression. Not awaited: the next bytes may never come.
    reader.return?.().catch(() => undefined);
  }
}
