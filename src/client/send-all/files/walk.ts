import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileFailure } from '../../errors.ts';
import { systemErrorText } from '../../http/system-errors.ts';
import { unreadableFile } from '../../send/unreadable.ts';
import type { Skipped } from '../options.ts';
import type { Filter } from './filter.ts';

/** A file to send, or an entry that cannot be sent. */
export type Found =
  | {
      file: string;
      /** Path below the folder that is sent, with "/". */
      relative: string;
    }
  | FileFailure;

export interface WalkOptions {
  filter: Filter;
  hidden: boolean;
  followSymlinks: boolean;
  onSkip(skipped: { file: string; reason: Skipped }): void;
}

/** A folder on the way down, to notice a symbolic link to a folder that contains it. */
interface Level {
  folder: string;
  relative: string;
  /** Device and inode of this folder and of those above it. */
  chain: readonly string[];
}

export const unreadable = (file: string, reason: string, cause?: unknown): FileFailure => ({
  file,
  error: unreadableFile(reason, cause),
});

/** Node returns U+FFFD in place of bytes that are not UTF-8, which does not lead back to the file. */
export const isUnknownName = (file: string): boolean => file.includes('\ufffd');

export const NOT_UTF8 = 'The name is not UTF-8.';

const unreadableBy = (file: string, error: unknown): FileFailure => {
  const reason = isUnknownName(file) ? NOT_UTF8 : (systemErrorText(error) ?? 'Cannot be read');
  return unreadable(file, reason, error);
};

const chainOf = async (folder: string, above: readonly string[]): Promise<readonly string[] | FileFailure> => {
  try {
    const { dev, ino } = await stat(folder);
    const id = `${dev}:${ino}`;
    if (above.includes(id)) return unreadable(folder, 'Symbolic link to a folder that contains it');
    return [...above, id];
  } catch (error) {
    return unreadableBy(folder, error);
  }
};

/** By UTF-16 units, so that every machine has the same order. */
const inOrder = (one: Dirent, other: Dirent): number => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0);

const kindOf = async (path: string, entry: Dirent): Promise<Dirent | Stats | FileFailure> => {
  if (!entry.isSymbolicLink()) return entry;
  return stat(path).catch((error: unknown) => unreadableBy(path, error));
};

async function* walkEntry(entry: Dirent, level: Level, options: WalkOptions): AsyncGenerator<Found> {
  const { filter, hidden, followSymlinks, onSkip } = options;
  const file = join(level.folder, entry.name);
  const relative = level.relative === '' ? entry.name : `${level.relative}/${entry.name}`;
  if (entry.name.startsWith('.') && !hidden) return onSkip({ file, reason: 'hidden' });
  if (entry.isSymbolicLink() && !followSymlinks) return onSkip({ file, reason: 'symlink' });
  const kind = await kindOf(file, entry);
  if ('file' in kind) yield kind;
  else if (kind.isDirectory()) {
    if (filter.entersFolder(relative)) yield* walkLevel({ ...level, folder: file, relative }, options);
  } else if (!filter.includesFile(relative)) return;
  else if (kind.isFile()) yield { file, relative };
  else onSkip({ file, reason: 'special' });
}

async function* walkLevel(level: Level, options: WalkOptions): AsyncGenerator<Found> {
  const chain = options.followSymlinks ? await chainOf(level.folder, level.chain) : level.chain;
  if ('file' in chain) {
    yield chain;
    return;
  }
  let entries: Dirent[];
  try {
    entries = await readdir(level.folder, { withFileTypes: true });
  } catch (error) {
    yield unreadableBy(level.folder, error);
    return;
  }
  entries.sort(inOrder);
  let last: string | undefined;
  for (const entry of entries) {
    // Two names are equal only if something else is in the place of their bytes. The first may really have this name.
    if (entry.name === last) yield unreadable(join(level.folder, entry.name), NOT_UTF8);
    else yield* walkEntry(entry, { ...level, chain }, options);
    last = entry.name;
  }
}

/** Lists the files below a folder, ordered by name, without reading them. Only the folders on the way down are in memory. */
export const walkFolder = (folder: string, options: WalkOptions): AsyncGenerator<Found> =>
  walkLevel({ folder, relative: '', chain: [] }, options);
