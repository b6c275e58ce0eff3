import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, constants, readSync } from 'node:fs';
import { type FileHandle, link, open, rm, writeFile } from 'node:fs/promises';
import type { Receipt } from '../../domain.ts';
import { CourierClientError, failure } from '../errors.ts';
import { receiptSchema } from '../schemas.ts';
import { hasCode, notBegun, notContinued, unreadable } from './manifest-errors.ts';
import { createBlockingPace, type BlockingPace } from './files/blocking-pace.ts';
import {
  entrySchema,
  type FullEntry,
  fullEntrySchema,
  type Header,
  headerSchema,
  parseLine,
  readLines,
} from './manifest-lines.ts';

/** What the manifest knows about a file that was delivered. */
export interface Delivered {
  size: number;
  mtime: string | null;
  sha256: string;
  key: string;
  /** Undefined if the line was damaged: the file is sent again, with the same key. */
  receipt(): Receipt | undefined;
}

/** The deliveries of a run and of those before it. */
export interface Manifest {
  /** The key that all keys of files are derived from. */
  runKey: string;
  /** @throws CourierClientError `file-unreadable` */
  find(destination: string | undefined, path: string): Promise<Delivered | undefined>;
  /** Resolves when the entry is written. */
  add(entry: FullEntry): Promise<void>;
  /** Writes everything to the disk. */
  close(): Promise<void>;
}

/** Where the line of an entry is. The rest is read when it is needed, so that many entries take little memory. */
interface Located {
  at: number;
  length: number;
}

/** After a power failure, what was delivered in the last second is sent again, with the same keys. */
const SYNC_EVERY_MS = 1_000;

const placeOf = (destination: string | undefined, path: string): string => `${destination ?? ''}\n${path}`;

const lineOf = (value: Header | FullEntry): string => `${JSON.stringify(value)}\n`;

/**
 * Creates the file with its first line, at once: another process that creates it at the same time must find the same key. Some
 * file systems have no hard links; there, an empty file is created, which gets its first line later.
 */
const createWith = async (path: string, header: Header): Promise<void> => {
  const draft = `${path}.${randomUUID()}.new`;
  try {
    await writeFile(draft, lineOf(header), { flag: 'wx' });
    await link(draft, path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    await (await open(path, 'a')).close();
  } finally {
    await rm(draft, { force: true });
  }
};

interface Loaded {
  runKey: string | undefined;
  entries: Map<string, Located>;
  /** False after a line that a crash cut off. */
  endsWithLineBreak: boolean;
}

/** @throws CourierClientError `usage` for a file that is not a manifest */
const load = async (handle: FileHandle, path: string): Promise<Loaded> => {
  const entries = new Map<string, Located>();
  const loaded: Loaded = { runKey: undefined, entries, endsWithLineBreak: true };
  for await (const { text, at, length, isComplete } of readLines(handle)) {
    loaded.endsWithLineBreak = isComplete;
    if (loaded.runKey === undefined) {
      loaded.runKey = parseLine(headerSchema, text)?.key;
      if (loaded.runKey === undefined) throw failure('usage', { detail: `${path} is not a manifest of this version.` });
      continue;
    }
    // A line that a crash cut off is skipped: that file is sent again, with the same key.
    const entry = parseLine(entrySchema, text);
    if (entry === undefined) continue;
    entries.set(placeOf(entry.destination, entry.path), { at, length });
  }
  return loaded;
};

/**
 * Loads a manifest. An empty file, as mktemp creates it, gets its first line before any file is sent. Another process may
 * have done that at the same time, so the first line in the file decides.
 * @param header undefined if nothing may be written
 */
const loadOrBegin = async (handle: FileHandle, path: string, header: Header | undefined): Promise<Loaded> => {
  const loaded = await load(handle, path);
  if (loaded.runKey !== undefined || header === undefined) return loaded;
  await handle.appendFile(lineOf(header)).catch((error: unknown) => {
    throw notBegun(path, error);
  });
  return load(handle, path);
};

/** Reads entries again. */
const createReader = (handle: FileHandle, path: string, pace: BlockingPace) => {
  const changed = () => failure('file-unreadable', { detail: `${path} was changed by another program.` });
  const readInto = async (buffer: Buffer, at: number): Promise<number> => {
    const { length } = buffer;
    try {
      if (pace.isQuick()) return pace.time(() => readSync(handle.fd, buffer, 0, length, at));
      return (await pace.timeInThread(() => handle.read(buffer, 0, length, at))).bytesRead;
    } catch (error) {
      throw unreadable(path, error);
    }
  };
  return async ({ at, length }: Located): Promise<Delivered> => {
    const buffer = Buffer.allocUnsafe(length);
    const bytesRead = await readInto(buffer, at);
    const entry = parseLine(fullEntrySchema, buffer.toString('utf8', 0, bytesRead));
    if (entry === undefined) throw changed();
    const { size, mtime, sha256, key, receipt } = entry;
    return {
      ...{ size, mtime, sha256, key },
      receipt: () => receiptSchema.safeParse(receipt).data,
    };
  };
};

/**
 * Appends lines. While writing is quick, a line is written at once. Else lines that arrive while others are being written are
 * written together, in another thread.
 */
const createAppender = (handle: FileHandle, path: string, { start, pace }: { start: string; pace: BlockingPace }) => {
  let waiting = start;
  let writing: Promise<void> | undefined;
  let syncing: Promise<void> | undefined;
  let syncedMs = Date.now();
  const sync = (): Promise<void> => {
    syncedMs = Date.now();
    // Not every file system can do this. What is lost is sent again, with the same keys.
    syncing ??= handle
      .datasync()
      .catch(() => undefined)
      .finally(() => {
        syncing = undefined;
      });
    return syncing;
  };
  const write = async (): Promise<void> => {
    try {
      while (waiting !== '') {
        const text = waiting;
        waiting = '';
        await pace.timeInThread(() => handle.appendFile(text));
      }
    } catch (error) {
      throw notContinued(path, error);
    } finally {
      // In the same step as the last look at what is waiting, so that no line is left behind.
      writing = undefined;
    }
  };
  const append = (line: string): Promise<void> | undefined => {
    if (writing === undefined && waiting === '' && pace.isQuick()) {
      try {
        pace.time(() => appendFileSync(handle.fd, line));
        return undefined;
      } catch (error) {
        throw notContinued(path, error);
      }
    }
    waiting += line;
    writing ??= write();
    return writing;
  };
  return {
    async add(line: string): Promise<void> {
      await append(line);
      if (Date.now() - syncedMs >= SYNC_EVERY_MS) void sync();
    },
    async sync(): Promise<void> {
      await writing?.catch(() => undefined);
      await syncing;
      await sync();
    },
  };
};

/** Opening a named pipe would wait for its other end. Windows has no such flag. */
const NO_WAIT = constants.O_NONBLOCK ?? 0;

/** @throws CourierClientError `file-unwritable` for a device or a pipe, which cannot be read again */
const openFile = async (path: string, flags: number): Promise<FileHandle> => {
  const handle = await open(path, flags | NO_WAIT);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw failure('file-unwritable', { detail: `${path}: Not a regular file` });
};

const openOrCreate = async (path: string, header: Header, isReadOnly: boolean): Promise<FileHandle | undefined> => {
  const flags = isReadOnly ? constants.O_RDONLY : constants.O_RDWR | constants.O_APPEND;
  try {
    return await openFile(path, flags);
  } catch (error) {
    if (error instanceof CourierClientError) throw error;
    if (!hasCode(error, 'ENOENT')) throw notBegun(path, error);
    if (isReadOnly) return undefined;
  }
  try {
    await createWith(path, header);
    return await openFile(path, flags);
  } catch (error) {
    throw notBegun(path, error);
  }
};

/** A run without a manifest. */
const withoutFile = (runKey: string): Manifest => ({
  runKey,
  find: async () => undefined,
  add: async () => undefined,
  close: async () => undefined,
});

interface ManifestOptions {
  manifest?: string | undefined;
  idempotencyKey?: string | undefined;
}

/**
 * Opens the manifest, or creates it with a key of its own.
 * @param isReadOnly for a dry run: nothing is created or written
 * @throws CourierClientError `file-unwritable`, and `usage` for another file or another key
 */
export const openManifest = async (
  { manifest: path, idempotencyKey }: ManifestOptions,
  { isReadOnly = false } = {},
): Promise<Manifest> => {
  const newKey = idempotencyKey ?? randomBytes(12).toString('base64url');
  if (path === undefined) return withoutFile(newKey);
  const header: Header = { manifest: 'drive-courier', version: 1, key: newKey };
  const handle = await openOrCreate(path, header, isReadOnly);
  if (handle === undefined) return withoutFile(newKey);
  try {
    const { runKey, entries, endsWithLineBreak } = await loadOrBegin(handle, path, isReadOnly ? undefined : header);
    if (runKey !== undefined && idempotencyKey !== undefined && runKey !== idempotencyKey) {
      throw failure('usage', {
        detail: `${path} belongs to another key.`,
        remedy: 'Use the key that the manifest was started with, or another manifest.',
      });
    }
    const pace = createBlockingPace();
    const read = createReader(handle, path, pace);
    const appender = createAppender(handle, path, { start: endsWithLineBreak ? '' : '\n', pace });
    return {
      runKey: runKey ?? newKey,
      async find(destination, place) {
        const located = entries.get(placeOf(destination, place));
        return located && read(located);
      },
      add: (entry) => appender.add(lineOf(entry)),
      async close() {
        await appender.sync();
        await handle.close();
      },
    };
  } catch (error) {
    await handle.close();
    throw error instanceof CourierClientError ? error : unreadable(path, error);
  }
};
