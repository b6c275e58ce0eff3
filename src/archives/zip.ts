import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  type Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  type ZipFile,
} from 'yauzl';
import { CourierError } from '../errors.ts';
import type { Bytes } from '../exports/bytes/spool.ts';
import { usableTime } from '../text/usable-time.ts';
import {
  ARCHIVE_LIMITS,
  type ArchiveEntry,
  type ArchiveLimits,
  checkEntries,
  checkUnpacked,
  damagedArchive,
  refused,
} from './entry.ts';

function* pieces(bytes: Bytes, start: number, end: number): Generator<Uint8Array> {
  for (let at = start; at < end; ) {
    const piece = bytes.at(at, end);
    at += piece.byteLength;
    yield piece;
  }
}

/** Lets yauzl read an archive that is in memory in pieces. */
class BytesReader extends RandomAccessReader {
  readonly #bytes: Bytes;

  constructor(bytes: Bytes) {
    super();
    this.#bytes = bytes;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(pieces(this.#bytes, start, Math.min(end, this.#bytes.size)));
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead: number) => void,
  ): void {
    let read = 0;
    for (const piece of pieces(this.#bytes, position, Math.min(position + length, this.#bytes.size))) {
      buffer.set(piece, offset + read);
      read += piece.byteLength;
    }
    setImmediate(() => callback(null, read));
  }
}

const open = (bytes: Bytes): Promise<ZipFile> =>
  // Names are decoded here: yauzl would decode them as CP437 if the archive does not mark them as UTF-8.
  fromRandomAccessReaderPromise(new BytesReader(bytes), bytes.size, { decodeStrings: false, validateEntrySizes: true });

const UNICODE_PATH = 0x7075;

/**
 * The name as UTF-8. Many programs write UTF-8 without marking it. Names in another encoding, which is not named in the
 * archive, get the replacement character, and are refused later.
 */
const nameOf = ({ fileNameRaw, extraFields, generalPurposeBitFlag }: Entry): string =>
  !isUtf8(fileNameRaw) && extraFields.some(({ id }) => id === UNICODE_PATH)
    ? getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true)
    : fileNameRaw.toString('utf8');

/** The upper half of the external attributes is the Unix mode; see 4.4.15 of APPNOTE.TXT and the hosts in 4.4.2. */
const UNIX_HOSTS = new Set([3, 19]);
const typeBits = ({ externalFileAttributes, versionMadeBy }: Entry): number =>
  UNIX_HOSTS.has(versionMadeBy >>> 8) ? (externalFileAttributes >>> 16) & 0o170000 : 0;
const REGULAR = new Set([0, 0o100000]);

/** The extra fields with a time in UTC: Info-ZIP's extended timestamp, and that of NTFS. */
const UTC_TIMES = new Set([0x5455, 0x000a]);

/**
 * When the file was modified. Every entry has a time in the local time of the machine that packed it, in steps of two
 * seconds and without a time zone (4.4.6 of APPNOTE.TXT). It is used, as if it were UTC, only for entries that have no time
 * in UTC.
 */
const modifiedOf = (entry: Entry): Date | undefined => {
  const { extraFields, lastModFileDate: date } = entry;
  // Programs that have no time write zeros, and no month or day is 0.
  const hasDate = (date & 0x1e0) !== 0 && (date & 0x1f) !== 0;
  if (!hasDate && !extraFields.some(({ id }) => UTC_TIMES.has(id))) return undefined;
  return usableTime(entry.getLastModDate({ timezone: 'UTC' }));
};

/** Why an entry cannot be delivered; undefined if it can. */
const refusalOf = (entry: Entry, path: string): ArchiveEntry | undefined => {
  if (entry.isEncrypted()) return refused(path, 'encrypted', 'The entry is encrypted.');
  const bits = typeBits(entry);
  if (!REGULAR.has(bits)) {
    const kind = bits === 0o120000 ? 'symlink' : 'special-file';
    return refused(path, kind, `The entry is not a file but of the type "${kind}".`);
  }
  if (entry.canDecodeFileData()) return undefined;
  return refused(
    path,
    'compression',
    `The entry is compressed with method ${entry.compressionMethod}; only "stored" (0) and "deflated" (8) are supported.`,
  );
};

const faultOf = (error: unknown): CourierError =>
  error instanceof CourierError
    ? error
    : damagedArchive('zip', error instanceof Error ? error.message : 'unreadable', error);

/** @throws CourierError `digest-mismatch` at the end, `request-invalid` */
async function* verifiedBytes(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  let sum = 0;
  try {
    for await (const piece of await zip.openReadStreamPromise(entry)) {
      sum = crc32(piece as Buffer, sum);
      yield piece as Buffer;
    }
  } catch (error) {
    throw faultOf(error);
  }
  if (sum !== entry.crc32) {
    throw new CourierError('digest-mismatch', { detail: 'The CRC-32 of the entry does not match its bytes.' });
  }
}

/**
 * Checks the whole directory of the archive, before anything of it is delivered. Its sizes are reliable: reading an entry
 * that has more bytes fails.
 */
const check = async (bytes: Bytes, limits: ArchiveLimits): Promise<void> => {
  let count = 0;
  let unpacked = 0;
  for await (const { uncompressedSize } of (await open(bytes)).eachEntry()) {
    count += 1;
    unpacked += uncompressedSize;
    checkEntries(count, limits);
    checkUnpacked(unpacked, bytes.size, limits);
  }
};

/** The attribute of MS-DOS for a folder, for programs that write no slash at the end of its name. */
const DOS_FOLDER = 0x10;
const isFolder = (path: string, entry: Entry): boolean =>
  /[/\\]$/.test(path) ||
  typeBits(entry) === 0o040000 ||
  ((entry.externalFileAttributes & DOS_FOLDER) !== 0 && entry.uncompressedSize === 0);

/**
 * Reads a zip file that is in memory. Its central directory at the end decides what the entries are, as in other
 * programs; the headers between the entries may differ from it.
 * @throws CourierError `request-invalid` for a damaged archive, `too-large`
 */
export async function* readZip(bytes: Bytes, limits = ARCHIVE_LIMITS): AsyncGenerator<ArchiveEntry> {
  try {
    await check(bytes, limits);
    const zip = await open(bytes);
    // Entries are read after the last one has been found, too.
    zip.autoClose = false;
    for await (const entry of zip.eachEntry()) {
      const path = nameOf(entry);
      if (isFolder(path, entry)) yield { kind: 'folder', path };
      else {
        yield refusalOf(entry, path) ?? {
          kind: 'file',
          path,
          size: entry.uncompressedSize,
          modified: modifiedOf(entry),
          isStream: false,
          open: () => verifiedBytes(zip, entry),
        };
      }
    }
  } catch (error) {
    throw faultOf(error);
  }
}
