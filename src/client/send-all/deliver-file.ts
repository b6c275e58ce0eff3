import { createHash } from 'node:crypto';
import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Receipt } from '../../domain.ts';
import { CourierClientError, failure } from '../errors.ts';
import { systemErrorText } from '../http/system-errors.ts';
import { isUrl } from '../realms.ts';
import { openInput, type Seekable } from '../send/input.ts';
import { MAX_WHOLE_BYTES, type SendDependencies, sendSeekable } from '../send/send.ts';
import { readWhole } from '../send/send-body.ts';
import { resolveOptions } from '../send/send-options.ts';
import { fileKey } from './file-key.ts';
import type { Listed } from './files/list.ts';
import type { BlockingPace } from './files/blocking-pace.ts';
import { readSmall } from './files/read-small.ts';
import { isUnknownName, NOT_UTF8 } from './files/walk.ts';
import type { Delivered, Manifest } from './manifest.ts';
import type { FileReceipt, SendAllOptions } from './options.ts';

export interface FileDependencies extends SendDependencies {
  manifest: Manifest;
  /** How quickly files are read. */
  pace: BlockingPace;
  /** The folder that the destination uses if a request names none. */
  defaultFolder(): Promise<string>;
  /** Epoch milliseconds. */
  now(): number;
}

/** A file that is open, and what identifies its bytes. */
interface Opened {
  input: Seekable;
  size: number;
  mtime: string | null;
  sha256: string;
  key: string;
}

/** File systems store times in steps of up to this long. Within one step, a change may leave size and time as they were. */
const MTIME_STEP_MS = 2_000;

const pathOf = ({ target: { folder, name } }: Listed): string => (folder === '' ? name : `${folder}/${name}`);

/** RFC 3339 in UTC with nanoseconds; only nanoseconds for a time that has no such text, as damaged file systems have them. */
const timeText = (ns: bigint): string => {
  // Rounded down, also before 1970.
  const part = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (ns - part) / 1_000_000_000n;
  const fraction = String(part).padStart(9, '0');
  const time = new Date(Number(seconds) * 1000);
  return Number.isNaN(time.getTime()) ? String(ns) : time.toISOString().replace('.000Z', `.${fraction}Z`);
};

/** The path of a file on disk; bytes and Blobs have none. */
const diskPathOf = ({ input }: Listed): string | undefined =>
  typeof input === 'string' ? input : isUrl(input) ? fileURLToPath(input) : undefined;

const open = async (listed: Listed): Promise<Seekable> => {
  const { file, input } = listed;
  const path = diskPathOf(listed);
  // Opening a named pipe would wait for its writer. Other errors are those of opening.
  const stats = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (stats?.isFIFO()) throw failure('file-unreadable', { detail: `${file}: Not a regular file` });
  const opened = await openInput(input).catch((error: unknown) => {
    throw isUnknownName(file) ? failure('file-unreadable', { detail: NOT_UTF8, cause: error }) : error;
  });
  if (opened.kind === 'seekable') return opened;
  throw failure('file-unreadable', { detail: `${file}: Not a regular file` });
};

/** Reads a file once: a small one stays in memory until it is sent. */
const readOnce = async (input: Seekable): Promise<{ input: Seekable; sha256: string }> => {
  if (input.size <= MAX_WHOLE_BYTES) {
    const whole = await readWhole(input);
    return { input: { ...input, whole }, sha256: whole.sha256.toString('hex') };
  }
  const hash = createHash('sha256');
  for await (const part of input.read(0, input.size)) hash.update(part);
  await input.assertUnchanged();
  return { input, sha256: hash.digest('hex') };
};

const statOf = (path: string, pace: BlockingPace): Promise<BigIntStats | undefined> | BigIntStats | undefined => {
  try {
    if (pace.isQuick()) return pace.time(() => statSync(path, { bigint: true, throwIfNoEntry: false }));
  } catch {
    return undefined;
  }
  return pace.timeInThread(() => stat(path, { bigint: true })).catch(() => undefined);
};

const isSameState = async (listed: Listed, { size, mtime }: Delivered, pace: BlockingPace): Promise<boolean> => {
  const path = diskPathOf(listed);
  if (mtime === null || path === undefined) return false;
  const stats = await statOf(path, pace);
  return stats !== undefined && Number(stats.size) === size && timeText(stats.mtimeNs) === mtime;
};

const keyOf = ({ target }: Listed, sha256: string, manifest: Manifest, options: SendAllOptions): string => {
  const { destination, convertTo } = options;
  return fileKey(manifest.runKey, { destination, convertTo, target, sha256 });
};

type Read = Awaited<ReturnType<typeof readOnce>>;

/** A small file without leaving the thread, if files are quick to read. */
const readQuickly = (listed: Listed, pace: BlockingPace): Read | undefined => {
  const path = diskPathOf(listed);
  if (path === undefined || !pace.isQuick()) return undefined;
  const input = pace.time(() => readSmall(path));
  return input && { input, sha256: input.whole.sha256.toString('hex') };
};

const readOpen = async (listed: Listed, pace: BlockingPace): Promise<Read> => {
  const file = await pace.timeInThread(() => open(listed));
  try {
    return await readOnce(file);
  } catch (error) {
    await file.close();
    const reason = error instanceof CourierClientError ? undefined : systemErrorText(error);
    throw reason === undefined ? error : failure('file-unreadable', { detail: reason, cause: error });
  }
};

const identify = (listed: Listed, { input, sha256 }: Read, dependencies: FileDependencies, options: SendAllOptions) => {
  const { mtimeNs, size } = input;
  const isSettled = mtimeNs !== undefined && dependencies.now() - Number(mtimeNs / 1_000_000n) > MTIME_STEP_MS;
  const mtime = isSettled ? timeText(mtimeNs) : null;
  const key = keyOf(listed, sha256, dependencies.manifest, options);
  return { input, size, mtime, sha256, key } satisfies Opened;
};

const changeOf = (
  before: Delivered | undefined,
  { sha256, key }: Pick<Opened, 'sha256' | 'key'>,
): FileReceipt['change'] => {
  if (before === undefined) return 'new';
  if (before.key === key && before.receipt() !== undefined) return 'unchanged';
  return before.sha256 === sha256 ? 'new' : 'changed';
};

const withoutSending = (receipt: Receipt, file: string): FileReceipt => ({ ...receipt, file, change: 'unchanged' });

/**
 * The folder to name in the request. Without `path` in the options, files go below the destination's default folder: those of
 * folders must name it, because a request with a folder of its own does not use the default.
 * @throws CourierClientError `usage` if the default folder has placeholders
 */
const folderOf = async (
  { target: { folder } }: Listed,
  { path }: SendAllOptions,
  { defaultFolder }: FileDependencies,
): Promise<string | undefined> => {
  if (path !== undefined) return folder;
  if (folder === '') return undefined;
  const above = await defaultFolder();
  // Only the courier knows the time and the caller that placeholders stand for.
  if (/[{}]/.test(above)) {
    throw failure('usage', {
      detail: `The destination's default folder, ${above}, has placeholders. Pass a path (--path).`,
    });
  }
  return above === '' ? folder : `${above}/${folder}`;
};

/**
 * Delivers one of many files, unless the manifest says that it was delivered with these bytes, and adds it to the manifest.
 * @throws CourierClientError
 */
export const deliverFile = async (
  listed: Listed,
  dependencies: FileDependencies,
  options: SendAllOptions,
  onBytes: (sentBytes: number) => void,
): Promise<FileReceipt> => {
  const { manifest, pace } = dependencies;
  const { file, target } = listed;
  const { destination } = options;
  const path = pathOf(listed);
  const before = await manifest.find(destination, path);
  const isKnown = before !== undefined && keyOf(listed, before.sha256, manifest, options) === before.key;
  const known = isKnown && (await isSameState(listed, before, pace)) ? before.receipt() : undefined;
  if (known !== undefined) return withoutSending(known, file);

  const read = readQuickly(listed, pace) ?? (await readOpen(listed, pace));
  const opened = identify(listed, read, dependencies, options);
  try {
    const { input, size, mtime, sha256, key } = opened;
    const entry = { file, destination, path, size, mtime, sha256, key };
    const earlier = before?.key === key ? before.receipt() : undefined;
    if (before !== undefined && earlier !== undefined) {
      if (mtime !== before.mtime) await manifest.add({ ...entry, receipt: earlier });
      return withoutSending(earlier, file);
    }
    const change = changeOf(before, opened);
    const sending = resolveOptions(
      {
        ...options,
        name: target.name,
        path: await folderOf(listed, options, dependencies),
        idempotencyKey: key,
        onProgress: ({ sentBytes }) => onBytes(sentBytes),
      },
      input,
    );
    const receipt = await sendSeekable(dependencies, input, sending);
    await manifest.add({ ...entry, receipt });
    return { ...receipt, file, change };
  } finally {
    await opened.input.close();
  }
};

/** What a dry run says about a file. @throws CourierClientError `file-unreadable` */
export const planFile = async (
  listed: Listed,
  dependencies: Pick<FileDependencies, 'manifest' | 'pace'>,
  options: SendAllOptions,
): Promise<{ path: string; size: number; change: FileReceipt['change'] }> => {
  const { manifest, pace } = dependencies;
  const path = pathOf(listed);
  const before = await manifest.find(options.destination, path);
  const isKnown = before !== undefined && keyOf(listed, before.sha256, manifest, options) === before.key;
  if (isKnown && before.receipt() !== undefined && (await isSameState(listed, before, pace))) {
    return { path, size: before.size, change: 'unchanged' };
  }
  const input = await open(listed);
  try {
    if (before === undefined) return { path, size: input.size, change: 'new' };
    const { sha256 } = await readOnce(input);
    const key = keyOf(listed, sha256, manifest, options);
    return { path, size: input.size, change: changeOf(before, { sha256, key }) };
  } finally {
    await input.close();
  }
};
