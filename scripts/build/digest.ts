import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** What differs from machine to machine, and is made where it is used. */
const MADE_IN_PLACE = /^(node_modules|\.compile-cache)(\/|$)/;

/** The files of a build, with paths as on Unix, in order. */
export const filesOf = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !MADE_IN_PLACE.test(path))
    .sort();
};

/** One SHA-256 of a build: of all names and contents. */
export const digestOf = async (folder: string): Promise<string> => {
  const whole = createHash('sha256');
  for (const path of await filesOf(folder)) {
    const content = await readFile(join(folder, path));
    whole.update(`${createHash('sha256').update(content).digest('hex')}  ${path}\n`);
  }
  return whole.digest('hex');
};
