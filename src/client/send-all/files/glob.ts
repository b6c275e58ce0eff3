import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { WalkOptions } from './walk.ts';
import { createMatcher } from './filter.ts';

const MAGIC = /[*?[]/;

export const hasMagic = (path: string): boolean => MAGIC.test(path);

/** What a glob pattern matches. */
interface Match {
  path: string;
  /** Path below the folder before the first wildcard, with "/". */
  relative: string;
  isFolder: boolean;
  isLink: boolean;
}

interface Level {
  folder: string;
  relative: string;
}

/** Without the entries of folders that cannot be read, as shells do. */
const entriesOf = async ({ folder }: Level): Promise<Dirent[]> => {
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => []);
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
};

const below = ({ folder, relative }: Level, name: string): Level => ({
  folder: join(folder, name),
  relative: relative === '' ? name : `${relative}/${name}`,
});

/** A wildcard matches no dot at the beginning of a name, unless hidden files are sent. */
const isVisible = (name: string, segment: string, hidden: boolean): boolean =>
  hidden || segment.startsWith('.') || !name.startsWith('.');

// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one case for each kind of segment and entry.
async function* expand(level: Level, segments: readonly string[], hidden: boolean): AsyncGenerator<Match> {
  const [segment = '', ...rest] = segments;
  const isDeep = segment === '**';
  if (isDeep) yield* expand(level, rest.length === 0 ? ['*'] : rest, hidden);
  const matches = isDeep ? () => true : createMatcher([`/${segment}`]);
  for (const entry of await entriesOf(level)) {
    const { name } = entry;
    if (!matches(name) || !isVisible(name, segment, hidden)) continue;
    const next = below(level, name);
    if (!isDeep && rest.length === 0) {
      const isLink = entry.isSymbolicLink();
      yield { path: next.folder, relative: next.relative, isFolder: entry.isDirectory(), isLink };
    } else if (entry.isDirectory()) yield* expand(next, isDeep ? segments : rest, hidden);
  }
}

/** What a symbolic link leads to decides, as it does for a path without wildcards. */
const resolved = async (match: Match): Promise<Match> => {
  if (!match.isLink) return match;
  const stats = await stat(match.path).catch(() => undefined);
  return { ...match, isFolder: stats?.isDirectory() ?? false };
};

/**
 * Expands a pattern as a shell does: `*`, `?`, `[…]`, and `**` for any number of folders. It does not enter symbolic links.
 */
export async function* expandGlob(
  pattern: string,
  { hidden, onSkip }: Pick<WalkOptions, 'hidden' | 'onSkip'>,
): AsyncGenerator<Match> {
  const segments = pattern.split('/');
  const first = segments.findIndex(hasMagic);
  const folder = segments.slice(0, first).join('/');
  const start = { folder: folder === '' && pattern.startsWith('/') ? '/' : folder, relative: '' };
  const wild = segments.slice(first).filter((segment) => segment !== '');
  const isDeep = wild.includes('**');
  // A slash after "**" changes nothing: every file that it finds is in one of its folders.
  const isForFolders = pattern.endsWith('/') && wild.at(-1) !== '**';
  for await (const found of expand(start, wild, hidden)) {
    const match = await resolved(found);
    if (isForFolders && !match.isFolder) continue;
    // Other folders that "**" finds are not sent whole: their files match by themselves, or not at all.
    if (!isDeep || isForFolders || !match.isFolder) yield match;
    else if (match.isLink) onSkip({ file: match.path, reason: 'symlink' });
  }
}
