import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const names = z.record(z.string(), z.string()).default({});

const locked = z.looseObject({
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});

const lockfile = z.looseObject({ lockfileVersion: z.literal(3), packages: z.record(z.string(), locked) });

export type Locked = z.infer<typeof locked>;

/** npm's lock file. It maps each installed folder (`node_modules/a/node_modules/b`) to the package in it. */
export type Lock = ReadonlyMap<string, Locked>;

/** @throws if package-lock.json does not have lockfileVersion 3 */
export const readLock = async (root: string): Promise<Lock> => {
  const text = await readFile(join(root, 'package-lock.json'), 'utf8');
  return new Map(Object.entries(lockfile.parse(JSON.parse(text)).packages));
};

/** The folder that `import NAME` resolves to from a package's folder. Node searches this folder first, then each parent. */
const find = (lock: Lock, from: string, name: string): string | undefined => {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (lock.has(candidate)) return candidate;
    if (folder === '') return undefined;
  }
};

/** The folders of a package's installed dependencies. */
export const dependenciesOf = (lock: Lock, folder: string): string[] => {
  const { dependencies, optionalDependencies, peerDependencies } = lock.get(folder) ?? locked.parse({});
  const wanted = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  return wanted.map((name) => find(lock, folder, name)).filter((found) => found !== undefined);
};

/**
 * The package folder that a file belongs to: `node_modules/a/node_modules/@b/c` for `node_modules/a/node_modules/@b/c/d.js`.
 * The project's own sources belong to none.
 */
export const folderOf = (path: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];

export const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf('node_modules/') + 13);
