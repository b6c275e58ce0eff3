import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Files that differ from machine to machine, because they are created where the build runs. */
const MADE_IN_PLACE = /^(node_modules|\.compile-cache)(\/|$)/;

/** The sorted files of a build, with Unix paths. */
export const filesOf = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !MADE_IN_PLACE.test(path))
    .sort();
};

/** The SHA-256 of all file names and contents of a build. */
export const digestOf = async (folder: string): Promise<string> => {
  const whole = createHash('sha256');
  for (const path of await filesOf(folder)) {
    const content = await readFile(join(folder, path));
    whole.update(`${createHash('sha256').update(content).digest('hex')}  ${path}\n`);
  }
  return whole.digest('hex');
};
