import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { type Seekable, seekableInMemory, timesOf } from '../../send/input.ts';
import { sha256Of } from '../../sha256.ts';

/** Larger files take long enough to be read in another thread. */
const MAX_SMALL_BYTES = 256 * 1024;
/** A named pipe without a writer would block. Windows has no such flag. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A file that was read. Nothing of it stays open. */
export type SmallFile = Seekable & Required<Pick<Seekable, 'whole' | 'mtimeNs'>>;

const readOpen = (path: string, file: number): SmallFile | undefined => {
  const before = fstatSync(file, { bigint: true });
  if (!before.isFile() || before.size > MAX_SMALL_BYTES) return undefined;
  const size = Number(before.size);
  const bytes = Buffer.allocUnsafe(size);
  // A file that has become shorter.
  if (size > 0 && readSync(file, bytes, 0, size, 0) !== size) return undefined;
  const now = statSync(path, { bigint: true, throwIfNoEntry: false });
  const isSameFile = now?.ino === before.ino && now.dev === before.dev;
  if (!isSameFile || now.size !== before.size || now.mtimeNs !== before.mtimeNs) return undefined;
  const { mtimeNs } = before;
  return { ...seekableInMemory(bytes), times: timesOf(before), mtimeNs, whole: { bytes, sha256: sha256Of(bytes) } };
};

/**
 * Reads a small file with few system calls, without leaving the thread.
 * @returns undefined for any other file, and for one that cannot be read or is changing: the usual way shows why
 */
export const readSmall = (path: string): SmallFile | undefined => {
  let file: number | undefined;
  try {
    file = openSync(path, FLAGS);
    return readOpen(path, file);
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
};
