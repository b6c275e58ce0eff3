import { pipeline, Readable } from 'node:stream';
import { crc32, createDeflateRaw } from 'node:zlib';

/**
 * Writes a zip file whose entries are not held in memory (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). Sizes and
 * checksum of an entry follow its bytes. The same entries always give the same bytes, so the time in the file is a constant.
 */
interface ZipEntry {
  name: string;
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Larger sizes need ZIP64, which not all office programs support. */
export const MAX_ZIP_BYTES = 0xffff_ffff;

/** An entry or the file is too large for the format. */
export class ZipLimitError extends Error {}

const VERSION = 20;
/** Bit 3: sizes follow the bytes. Bit 11: the name is UTF-8. */
const FLAGS = 0x0808;
const DEFLATE = 8;
/** 1980-01-01, the first day of the format. */
const DATE = 0x0021;

interface Written {
  name: Buffer;
  offset: number;
  crc: number;
  size: number;
  compressed: number;
}

const fieldsOf = (fields: readonly [bytes: 2 | 4, value: number][]): Buffer => {
  const buffer = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of fields) at = buffer.writeUIntLE(value, at, bytes);
  return buffer;
};

const localHeader = (name: Buffer): Buffer =>
  Buffer.concat([
    fieldsOf([
      [4, 0x0403_4b50],
      [2, VERSION],
      [2, FLAGS],
      [2, DEFLATE],
      [2, 0],
      [2, DATE],
      [4, 0],
      [4, 0],
      [4, 0],
      [2, name.byteLength],
      [2, 0],
    ]),
    name,
  ]);

const descriptor = ({ crc, size, compressed }: Written): Buffer =>
  fieldsOf([
    [4, 0x0807_4b50],
    [4, crc],
    [4, compressed],
    [4, size],
  ]);

const directoryEntry = ({ name, offset, crc, size, compressed }: Written): Buffer =>
  Buffer.concat([
    fieldsOf([
      [4, 0x0201_4b50],
      [2, VERSION],
      [2, VERSION],
      [2, FLAGS],
      [2, DEFLATE],
      [2, 0],
      [2, DATE],
    ]),
    fieldsOf([
      [4, crc],
      [4, compressed],
      [4, size],
      [2, name.byteLength],
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, offset],
    ]),
    name,
  ]);

const endOfDirectory = (entries: number, { size, offset }: { size: number; offset: number }): Buffer =>
  fieldsOf([
    [4, 0x0605_4b50],
    [2, 0],
    [2, 0],
    [2, entries],
    [2, entries],
    [4, size],
    [4, offset],
    [2, 0],
  ]);

const mustFit = (bytes: number): void => {
  if (bytes > MAX_ZIP_BYTES) throw new ZipLimitError(`more than ${MAX_ZIP_BYTES} bytes`);
};

/** Compresses the bytes, and counts them before and after. */
async function* deflated(bytes: ZipEntry['bytes'], written: Written): AsyncGenerator<Buffer> {
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      written.crc = crc32(piece, written.crc);
      written.size += piece.byteLength;
      mustFit(written.size);
      yield piece;
    }
  }
  const deflate = createDeflateRaw();
  let failure: unknown;
  pipeline(Readable.from(counted()), deflate, (error) => {
    failure ??= error ?? undefined;
  });
  try {
    for await (const piece of deflate as AsyncIterable<Buffer>) {
      written.compressed += piece.byteLength;
      yield piece;
    }
  } catch (error) {
    throw failure ?? error;
  }
}

/** @throws ZipLimitError */
export async function* zipStream(entries: readonly ZipEntry[]): AsyncGenerator<Buffer> {
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name: text, bytes } of entries) {
    const written: Written = { name: Buffer.from(text), offset, crc: 0, size: 0, compressed: 0 };
    const head = localHeader(written.name);
    yield head;
    yield* deflated(bytes, written);
    const end = descriptor(written);
    yield end;
    offset += head.byteLength + written.compressed + end.byteLength;
    mustFit(offset);
    directory.push(directoryEntry(written));
  }
  const all = Buffer.concat(directory);
  yield all;
  yield endOfDirectory(entries.length, { size: all.byteLength, offset });
}
