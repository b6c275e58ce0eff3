import { open, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { failure } from '../errors.ts';
import { usableTime } from '../../text/usable-time.ts';
import { systemErrorText } from '../http/system-errors.ts';
import { isBlob, isFile, isUrl } from '../realms.ts';
import { unreadableFile } from './unreadable.ts';

/** What `send` accepts: a path, a `file:` URL, bytes in memory, a Blob, or a stream. Strings in a stream are sent as UTF-8. */
export type Sendable =
  | string
  | URL
  | Uint8Array
  | Blob
  | AsyncIterable<Uint8Array | string>
  | ReadableStream<Uint8Array>;

/** The times of a file on disk. */
export interface FileTimes {
  /** Undefined for a time that Drive cannot keep, as damaged file systems have them. */
  modified: Date | undefined;
  created: Date | undefined;
}

/** Bytes of known size that can be read from any offset, any number of times. */
export interface Seekable {
  kind: 'seekable';
  /** The default name in Drive. */
  name: string | undefined;
  /** Only files have them. */
  times?: FileTimes | undefined;
  size: number;
  /**
   * Reads the bytes from `start` up to, not including, `end`.
   * @throws CourierClientError `file-changed` if the file is shorter now
   */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** @throws CourierClientError `file-changed` */
  assertUnchanged(): Promise<void>;
  /** Identifies the file and its state. Only files have one, because only they outlive the process. */
  identity(): Promise<string | undefined>;
  /** When a file was changed, in nanoseconds since the epoch. */
  mtimeNs?: bigint;
  /** All bytes, if they are in memory already, with their SHA-256. */
  whole?: { bytes: Uint8Array; sha256: Buffer };
  close(): Promise<void>;
}

/** Bytes of unknown length that can be read once. */
export interface Stream {
  kind: 'stream';
  name: string | undefined;
  bytes: AsyncIterable<Uint8Array>;
  /** Parts that were read ahead. `bytes` begins with them. */
  head?: readonly Uint8Array[];
}

const READ_BYTES = 1024 * 1024;

export const seekableInMemory = (bytes: Uint8Array, name?: string): Seekable => ({
  kind: 'seekable',
  name,
  size: bytes.byteLength,
  identity: async () => undefined,
  async *read(start, end) {
    yield bytes.subarray(start, end);
  },
  assertUnchanged: async () => undefined,
  close: async () => undefined,
});

const changed = (path: string) => failure('file-changed', { detail: path });

const unreadable = (path: string, reason: string, cause?: unknown) => unreadableFile(`${path}: ${reason}`, cause);

/**
 * A copy of a file can be created after its last modification, and some file systems do not know when a file was created. A
 * file cannot really be younger than its content, so the time of creation is never later than that of the modification.
 */
export const timesOf = ({ mtimeMs, birthtimeMs }: { mtimeMs: bigint; birthtimeMs: bigint }): FileTimes => {
  const [modifiedMs, createdMs] = [Number(mtimeMs), Number(birthtimeMs)];
  const isKnown = createdMs > 0 && createdMs < modifiedMs;
  return {
    modified: usableTime(new Date(modifiedMs)),
    created: usableTime(new Date(isKnown ? createdMs : modifiedMs)),
  };
};

/** @throws CourierClientError `file-unreadable` */
const openFile = async (path: string): Promise<Seekable | Stream> => {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, systemErrorText(error) ?? 'Cannot be opened', error);
  });
  const before = await handle.stat({ bigint: true });
  if (before.isFIFO() || before.isCharacterDevice() || before.isSocket()) {
    return { kind: 'stream', name: undefined, bytes: handle.createReadStream() };
  }
  if (!before.isFile()) {
    await handle.close();
    throw unreadable(path, before.isDirectory() ? 'Is a directory' : 'Not a regular file');
  }
  const size = Number(before.size);
  const assertUnchanged = async (): Promise<void> => {
    // Writers change a file in place, or rename another file to its name. The name shows both: as long as it leads to the same
    // inode, that is the open file.
    const now = await stat(path, { bigint: true }).catch(() => undefined);
    const isSameFile = now?.ino === before.ino && now.dev === before.dev;
    if (!isSameFile || now.size !== before.size || now.mtimeNs !== before.mtimeNs) throw changed(path);
  };
  return {
    kind: 'seekable',
    name: basename(path),
    times: timesOf(before),
    size,
    identity: async () => JSON.stringify([await realpath(path), size, String(before.mtimeNs), String(before.ino)]),
    mtimeNs: before.mtimeNs,
    async *read(start, end) {
      for (let at = start; at < end; ) {
        const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - at));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) throw changed(path);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    assertUnchanged,
    close: () => handle.close(),
  };
};

const illFormed = () =>
  failure('usage', { detail: 'The text in the stream is not well-formed Unicode (a lone surrogate).' });

/** Anything else would be sent as an upload that breaks, which looks like a fault of the network. */
const checkedBytes = (part: Uint8Array): Uint8Array => {
  // `instanceof` would also refuse the bytes of another realm, such as those of a test in jsdom.
  if (types.isUint8Array(part)) return part;
  throw failure('usage', { detail: 'A part of the stream is neither bytes (Uint8Array) nor text.' });
};

/**
 * Encodes text as UTF-8. A part may end in the middle of a character, after the first of two surrogates. Encoded separately,
 * both halves would become U+FFFD.
 */
async function* asBytes(parts: AsyncIterable<Uint8Array | string>): AsyncIterable<Uint8Array> {
  let half = '';
  for await (const part of parts) {
    if (typeof part !== 'string') {
      if (half !== '') throw illFormed();
      yield checkedBytes(part);
      continue;
    }
    const text = half + part;
    half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? '';
    const whole = half === '' ? text : text.slice(0, -1);
    if (!whole.isWellFormed()) throw illFormed();
    if (whole !== '') yield Buffer.from(whole);
  }
  if (half !== '') throw illFormed();
}

/** Opens the input of `send`. @throws CourierClientError `file-unreadable`, `usage` */
export const openInput = async (input: Sendable): Promise<Seekable | Stream> => {
  // A variable of a shell that is not set gives an empty path.
  if (input === '') throw failure('usage', { detail: 'The path of the file is empty.' });
  if (typeof input === 'string') return openFile(input);
  if (isUrl(input)) {
    if (input.protocol !== 'file:')
      throw failure('usage', { detail: `The URL of an input must begin with file:, not ${input.protocol}` });
    return openFile(fileURLToPath(input));
  }
  if (types.isUint8Array(input)) return seekableInMemory(input);
  if (isBlob(input)) {
    const { name, lastModified } = isFile(input) ? input : {};
    const modified = lastModified === undefined ? undefined : usableTime(new Date(lastModified));
    return {
      ...seekableInMemory(new Uint8Array(), name),
      times: lastModified === undefined ? undefined : { modified, created: modified },
      size: input.size,
      read: (start, end) => input.slice(start, end).stream(),
    };
  }
  if (typeof input === 'object' && input !== null && Symbol.asyncIterator in input) {
    return { kind: 'stream', name: undefined, bytes: asBytes(input) };
  }
  throw failure('usage', { detail: 'The input must be a path, a file: URL, bytes, a Blob, or a stream.' });
};

/**
 * Reads ahead in a stream. One that ends within `limit` bytes becomes bytes in memory, which can be sent again; a longer one is
 * returned whole, including what was read.
 */
export const bufferStream = async (stream: Stream, limit: number): Promise<Seekable | Stream> => {
  const parts = stream.bytes[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length <= limit) {
    const next = await parts.next();
    if (next.done) return seekableInMemory(Buffer.concat(head), stream.name);
    head.push(next.value);
    length += next.value.byteLength;
  }
  async function* whole(): AsyncIterable<Uint8Array> {
    yield* head.splice(0);
    for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value;
  }
  return { ...stream, head, bytes: whole() };
};
