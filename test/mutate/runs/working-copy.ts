import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** A copy of the project in which a file can be changed without changing anybody's checkout. */
export interface WorkingCopy {
  root: string;
  /** The temporary folder of its processes, so that nothing of theirs is left behind either. */
  temporary: string;
  write(file: string, text: string): void;
  /** Restores the file from the project. */
  restore(file: string): void;
  /** Empties the temporary folder. */
  tidy(): void;
  remove(): void;
}

/** What is not needed to run tests, or too large to copy. */
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git', 'dist', 'coverage', '.local-google', '.mutate']);

const homes = new Set<string>();

/** Removes the remaining copies when the runner is stopped. */
export const removeCopies = (): void => {
  for (const home of homes) rmSync(home, { recursive: true, force: true });
  homes.clear();
};

/**
 * Copies the project at `root`. Its packages are shared through a link.
 * @param parent the folder in which the copy is created
 */
export const createWorkingCopy = (root: string, parent = tmpdir()): WorkingCopy => {
  const home = mkdtempSync(join(parent, 'mutate-'));
  homes.add(home);
  const copy = join(home, 'project');
  const temporary = join(home, 'tmp');
  cpSync(root, copy, { recursive: true, filter: (path) => path === root || !LEFT_OUT.has(basename(path)) });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const tidy = (): void => {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary);
  };
  tidy();
  return {
    root: copy,
    temporary,
    write: (file, text) => writeFileSync(join(copy, file), text),
    restore: (file) => writeFileSync(join(copy, file), readFileSync(join(root, file))),
    tidy,
    remove() {
      rmSync(home, { recursive: true, force: true });
      homes.delete(home);
    },
  };
};
