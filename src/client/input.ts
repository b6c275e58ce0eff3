import { open, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { failure } from './errors.ts';

/** What `send` takes: a path or file URL, bytes in memory, or a stream that can be read only once. */
export type Sendable =
  | string
  | URL
  | Uint8Array
  | Blob
  | AsyncIterable<Uint8Array | string>
  | ReadableStream<Uint8Array>;

/** Bytes of known size that can be read from any offset, again and again. */
export interface Seekable {
  kind: 'seekable';
  /** What a receipt calls it unless the caller does. */
  name: string | undefined;
  size: number;
  /** The bytes from `start` up to, not including, `end`. @throws CourierClientError `file-changed` when it has become too short */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** @throws CourierClientError `file-changed` */
  assertUnchanged(): Promise<void>;
  /** Tells this file in this state from any other; only what outlives the process has one. */
  identity: string | undefined;
  close(): Promise<void>;
}

/** Bytes of unknown size that can be read once. */
export interface Stream {
  kind: 'stream';
  name: string | undefined;
  bytes: AsyncIterable<Uint8Array>;
  /** What was read ahead; `bytes` begins with it. */
  head?: readonly Uint8Array[];
}

const READ_BYTES = 1024 * 1024;

const inMemory = (bytes: Uint8Array, name?: string): Seekable => ({
  kind: 'seekable',
  name,
  size: bytes.byteLength,
  identity: undefined,
  async *read(start, end) {
    yield bytes.subarray(start, end);
  },
  assertUnchanged: async () => undefined,
  close: async () => undefined,
});

const changed = (path: string) => failure('file-changed', { detail: path });

const unreadable = (path: string, error: unknown) => {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'not a regular file';
  return failure('file-unreadable', { detail: `${path}: ${reason}`, cause: error });
};

/** @throws CourierClientError `file-unreadable` */
const openFile = async (path: string): Promise<Seekable | Stream> => {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const before = await handle.stat({ bigint: true });
  if (before.isFIFO() || before.isCharacterDevice() || before.isSocket()) {
    return { kind: 'stream', name: undefined, bytes: handle.createReadStream() };
  }
  if (!before.isFile()) {
    await handle.close();
    throw unreadable(
      path,
      before.isDirectory() ? Object.assign(new Error('a folder'), { code: 'it is a folder' }) : undefined,
    );
  }
  const size = Number(before.size);
  const assertUnchanged = async (): Promise<void> => {
    // Both what was opened and what now has the name: writers change a file in place, or put another in its place.
    const named = await stat(path, { bigint: true }).catch(() => undefined);
    const opened = await handle.stat({ bigint: true });
    for (const now of [opened, named]) {
      if (now?.size !== before.size || now.mtimeNs !== before.mtimeNs || now.ino !== before.ino) throw changed(path);
    }
  };
  return {
    kind: 'seekable',
    name: basename(path),
    size,
    identity: JSON.stringify([await realpath(path), size, String(before.mtimeNs), String(before.ino)]),
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
  failure('usage', { detail: 'The stream of text is not well-formed Unicode (a lone surrogate).' });

/**
 * Text as UTF-8. A piece may end in the middle of a character, after the first of its two surrogates; encoded piece by piece,
 * both halves would become U+FFFD.
 */
async function* asBytes(parts: AsyncIterable<Uint8Array | string>): AsyncIterable<Uint8Array> {
  let half = '';
  for await (const part of parts) {
    if (typeof part !== 'string') {
      if (half !== '') throw illFormed();
      yield part;
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

/** What is to be sent, ready to be read. @throws CourierClientError `file-unreadable`, `usage` */
export const openInput = async (input: Sendable): Promise<Seekable | Stream> => {
  if (typeof input === 'string') return openFile(input);
  if (input instanceof URL) {
    if (input.protocol !== 'file:') throw failure('usage', { detail: `${input.protocol} is no file: address` });
    return openFile(fileURLToPath(input));
  }
  if (input instanceof Uint8Array) return inMemory(input);
  if (input instanceof Blob) {
    const name = input instanceof File ? input.name : undefined;
    return {
      ...inMemory(new Uint8Array(), name),
      size: input.size,
      read: (start, end) => input.slice(start, end).stream(),
    };
  }
  if (input instanceof ReadableStream)
    return { kind: 'stream', name: undefined, bytes: Readable.fromWeb(input as never) };
  if (typeof input === 'object' && input !== null && Symbol.asyncIterator in input) {
    return { kind: 'stream', name: undefined, bytes: asBytes(input) };
  }
  throw failure('usage', { detail: 'send takes a path, a file URL, bytes, a Blob or a stream' });
};

/**
 * Reads ahead in a stream: one that ends within `limit` bytes is as good as bytes in memory (it can be sent again),
 * a longer one is given back whole, with what was read in front.
 */
export const settleStream = async (stream: Stream, limit: number): Promise<Seekable | Stream> => {
  const parts = stream.bytes[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length <= limit) {
    const next = await parts.next();
    if (next.done) return inMemory(Buffer.concat(head), stream.name);
    head.push(next.value);
    length += next.value.byteLength;
  }
  async function* whole(): AsyncIterable<Uint8Array> {
    yield* head.splice(0);
    for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value;
  }
  return { ...stream, head, bytes: whole() };
};
