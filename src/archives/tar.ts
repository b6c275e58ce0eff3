import { pipeline, Readable, Transform } from 'node:stream';
import { type Extract, extract } from 'tar-stream';
import { CourierError } from '../errors.ts';
import { gunzipped } from '../exports/bytes/gunzip.ts';
import { usableTime } from '../text/usable-time.ts';
import { ARCHIVE_LIMITS, type ArchiveEntry, checkEntries, checkUnpacked, damagedArchive, refused } from './entry.ts';
import { createHeaderCheck, readTypes } from './tar-headers.ts';

type Entry = Extract extends AsyncIterable<infer One> ? One : never;

/**
 * Two blocks of zeros end a tar file. An archive without entries consists of nothing else. If they are missing too, a program may
 * have failed before it wrote anything, as in `false | gzip`.
 */
const END_BYTES = 1_024;

/** Smaller entries are kept in memory, so that several of them can be delivered at the same time. */
const MAX_KEPT_BYTES = 1_048_576;

const faultOf = (error: unknown): CourierError => {
  if (error instanceof CourierError) return error;
  return damagedArchive('tar.gz', error instanceof Error ? error.message : 'unreadable', error);
};

/** Yields the bytes without destroying the archive's stream if the consumer stops early. */
async function* bytesOf(entry: Entry, failure: () => unknown): AsyncGenerator<Uint8Array> {
  const pieces: AsyncIterator<unknown> = entry[Symbol.asyncIterator]();
  for (;;) {
    const next = await pieces.next().catch((error: unknown) => {
      throw faultOf(failure() ?? error);
    });
    if (next.done === true) return;
    yield next.value as Uint8Array;
  }
}

const drain = async (bytes: AsyncIterator<Uint8Array>): Promise<void> => {
  while ((await bytes.next()).done !== true);
};

const collect = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
};

const isFile = ({ type }: Entry['header']): boolean => type === 'file' || type === 'contiguous-file';

/** The types of GNU tar for a folder in an incremental backup, and for the label of a volume. */
const WITHOUT_FILE = new Set(['D', 'V']);

/** The format of Unix V7 has no type for folders. Their names end with a slash. */
const isFolder = ({ type, name }: Entry['header']): boolean =>
  type === 'directory' || (type === 'file' && name.endsWith('/'));

/** The extended header (pax) of an entry. */
const paxOf = ({ pax }: Entry['header']): Readonly<Record<string, string>> =>
  (pax ?? {}) as Readonly<Record<string, string>>;

/**
 * GNU tar stores a file with holes as a file of another name, which has a map of the holes and the bytes between them.
 * https://www.gnu.org/software/tar/manual/html_node/PAX-1.html
 */
const isSparse = (header: Entry['header'], type: string): boolean =>
  type === 'S' || Object.keys(paxOf(header)).some((key) => key.startsWith('GNU.sparse.'));

/** The header has whole seconds; an extended header ("mtime" in the pax format of POSIX) can have fractions of them. */
const modifiedOf = (header: Entry['header']): Date | undefined => {
  const seconds = Number(paxOf(header).mtime);
  const time = Number.isFinite(seconds) ? new Date(Math.floor(seconds * 1_000)) : header.mtime;
  return time === undefined ? undefined : usableTime(time);
};

/** Headers need not name a format, as those of Unix V7 and of volume labels do not. Their checksum is verified. */
const WITH_V7 = { allowUnknownFormat: true } as Parameters<typeof extract>[0];

/** Opens a gzipped tar file, and checks how far it expands. */
const openTarGz = (body: AsyncIterable<Uint8Array>, limits = ARCHIVE_LIMITS) => {
  let failure: unknown;
  let packed = 0;
  let unpacked = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      packed += piece.byteLength;
      yield piece;
    }
  }
  const entries = extract(WITH_V7);
  const checkHeaders = createHeaderCheck(entries);
  const typeOf = readTypes(entries);
  const limited = new Transform({
    transform(piece: Buffer, _, done) {
      unpacked += piece.byteLength;
      try {
        checkUnpacked(unpacked, packed, limits);
        checkHeaders();
        done(null, piece);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  pipeline(Readable.from(gunzipped(counted())), limited, entries, (error) => {
    if (error !== undefined && error !== null) failure ??= error;
  });
  return { entries, typeOf, failure: () => failure, unpacked: () => unpacked };
};

/** An entry whose bytes are not read: a folder, or one that is refused. Undefined for a file. */
const withoutBytes = (header: Entry['header'], letter: string): ArchiveEntry | undefined => {
  const { name: path, type } = header;
  if (isFolder(header) || WITHOUT_FILE.has(letter)) return { kind: 'folder', path };
  if (isSparse(header, letter)) {
    const name = paxOf(header)['GNU.sparse.name'] ?? path;
    return refused(name, 'sparse-file', 'The entry is a sparse file. Pack it without --sparse.');
  }
  if (isFile(header)) return undefined;
  const kind = type ?? 'unknown';
  return refused(path, kind, `The entry is not a file but of the type "${kind}".`);
};

/**
 * Reads a gzipped tar file as it arrives.
 * @throws CourierError `request-invalid` for a damaged archive, `too-large`, and what the body throws
 */
export async function* readTarGz(
  body: AsyncIterable<Uint8Array>,
  limits = ARCHIVE_LIMITS,
): AsyncGenerator<ArchiveEntry> {
  const { entries, typeOf, failure, unpacked } = openTarGz(body, limits);
  let count = 0;
  try {
    for await (const entry of entries) {
      count += 1;
      checkEntries(count, limits);
      const { name: path, size = 0 } = entry.header;
      const modified = modifiedOf(entry.header);
      const bytes = bytesOf(entry, failure);
      const other = withoutBytes(entry.header, typeOf(entry.header));
      if (other !== undefined) yield other;
      else if (size <= MAX_KEPT_BYTES) {
        const kept = await collect(bytes);
        yield { kind: 'file', path, size, modified, isStream: false, open: () => Readable.from([kept]) };
      } else yield { kind: 'file', path, size, modified, isStream: true, open: () => bytes };
      await drain(bytes);
    }
    if (count === 0 && unpacked() < END_BYTES)
      throw new Error('it ends before the two blocks of zeros that end a tar file');
  } catch (error) {
    throw faultOf(failure() ?? error);
  }
}
