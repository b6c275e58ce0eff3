import type { Metafile } from 'esbuild';
import { folderOf } from './lockfile.ts';

/** The installed folders of the packages that have code in a bundle's output. */
export const bundledFolders = ({ outputs }: Metafile): string[] => {
  const paths = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path),
  );
  return [...new Set(paths.map(folderOf).filter((folder) => folder !== undefined))].sort();
};
