import { pipeline, Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { CourierError } from '../errors.ts';
import {
  ARCHIVE_LIMITS,
  type ArchiveEntry,
  checkEntries,
  checkUnpacked,
  damagedArchive,
  headerTooLarge,
  refused,
  usableTime,
} from './entry.ts';

type Entry = Extract extends AsyncIterable<infer One> ? One : never;

/** Smaller entries are kept in memory, so that several of them can be delivered at the same time. */
const MAX_KEPT_BYTES = 1_048_576;

/**
 * Bytes of an extended header, which has a long name, precise times and extended attributes. It is parsed in one turn of the
 * event loop. tar-stream itself accepts 4 MiB of up to 600,000 attributes.
 */
const MAX_EXTENDED_HEADER_BYTES = 65_536;
/** Attributes of a global header, which are copied for each entry. git writes one, the id of a commit. */
const MAX_GLOBAL_ATTRIBUTES = 100;

/** The state of tar-stream while it collects extended headers. It has no public options for their size. */
interface ExtractState {
  _longHeader: boolean;
  _header: { size: number } | null;
  _paxGlobal: object | null;
}

/** Checks the extended headers that have arrived. The function it makes throws CourierError `too-large`. */
const createHeaderCheck = (entries: Extract): (() => void) => {
  const state = entries as unknown as ExtractState;
  let checked: object | null = null;
  return () => {
    if (state._longHeader && (state._header?.size ?? 0) > MAX_EXTENDED_HEADER_BYTES) throw headerTooLarge();
    if (state._paxGlobal === checked) return;
    checked = state._paxGlobal;
    if (Object.keys(checked ?? {}).length > MAX_GLOBAL_ATTRIBUTES) throw headerTooLarge();
  };
};

const faultOf = (error: unknown): CourierError => {
  if (error instanceof CourierError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return damagedArchive('tar.gz', code ?? message, error);
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

/** The extended header (pax) of an entry. */
const paxOf = ({ pax }: Entry['header']): Readonly<Record<string, string>> =>
  (pax ?? {}) as Readonly<Record<string, string>>;

/**
 * GNU tar stores a file with holes as a file of another name, which has a map of the holes and the bytes between them.
 * https://www.gnu.org/software/tar/manual/html_node/PAX-1.html
 */
const isSparse = (header: Entry['header']): boolean =>
  Object.keys(paxOf(header)).some((key) => key.startsWith('GNU.sparse.'));

/** The header has whole seconds; an extended header ("mtime" in the pax format of POSIX) can have fractions of them. */
const modifiedOf = (header: Entry['header']): Date | undefined => {
  const seconds = Number(paxOf(header).mtime);
  const time = Number.isFinite(seconds) ? new Date(Math.floor(seconds * 1_000)) : header.mtime;
  return time === undefined ? undefined : usableTime(time);
};

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
  const entries = extract();
  const checkHeaders = createHeaderCheck(entries);
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
  pipeline(Readable.from(counted()), createGunzip(), limited, entries, (error) => {
    if (error !== undefined && error !== null) failure ??= error;
  });
  return { entries, failure: () => failure };
};

/**
 * Reads a gzipped tar file as it arrives.
 * @throws CourierError `request-invalid` for a damaged archive, `too-large`, and what the body throws
 */
export async function* readTarGz(
  body: AsyncIterable<Uint8Array>,
  limits = ARCHIVE_LIMITS,
): AsyncGenerator<ArchiveEntry> {
  const { entries, failure } = openTarGz(body, limits);
  let count = 0;
  try {
    for await (const entry of entries) {
      count += 1;
      checkEntries(count, limits);
      const { name: path, size = 0, type } = entry.header;
      const modified = modifiedOf(entry.header);
      const bytes = bytesOf(entry, failure);
      if (type === 'directory') yield { kind: 'folder', path };
      else if (isSparse(entry.header)) {
        const name = paxOf(entry.header)['GNU.sparse.name'] ?? path;
        yield refused(name, 'sparse-file', 'The entry is a sparse file. Pack it without --sparse.');
      } else if (!isFile(entry.header)) {
        const kind = type ?? 'unknown';
        yield refused(path, kind, `The entry is not a file but of the type "${kind}".`);
      } else if (size <= MAX_KEPT_BYTES) {
        const kept = await collect(bytes);
        yield { kind: 'file', path, size, modified, isStream: false, open: () => Readable.from([kept]) };
      } else yield { kind: 'file', path, size, modified, isStream: true, open: () => bytes };
      await drain(bytes);
    }
    if (count === 0) throw new Error('it has no entry');
  } catch (error) {
    throw faultOf(failure() ?? error);
  }
}
