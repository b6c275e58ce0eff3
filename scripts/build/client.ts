import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { bundleClient } from './bundle.ts';
import { clientTypes } from './client-types.ts';
import { clientManifestOf, type Own } from './manifest.ts';

/** Files of the package that are copied as they are. */
const FILES = join(import.meta.dirname, 'client');

/**
 * Makes the npm package of the client: the command, the library for `import` and `require`, its types, and what npm shows.
 * @param root the project's folder
 * @param outDir the package's folder
 * @param aws version of the AWS SDK that is an optional peer dependency
 */
export const buildClient = async (root: string, outDir: string, own: Own, aws: string): Promise<Metafile> => {
  const lib = join(outDir, 'lib');
  await mkdir(lib, { recursive: true });
  const metafile = await bundleClient(root, lib);
  const files = await readdir(FILES);
  for (const file of files) {
    await copyFile(join(FILES, file), join(file === 'runtime.js' ? lib : outDir, file));
  }
  await chmod(join(outDir, 'courier.cjs'), 0o755);
  // Inside a package of ES modules, this folder's files are CommonJS.
  await writeFile(join(lib, 'package.json'), '{ "type": "commonjs" }\n');
  await writeFile(join(lib, 'index.d.ts'), await clientTypes(root));
  for (const file of ['LICENSE', 'CHANGELOG.md']) await copyFile(join(root, file), join(outDir, file));
  await writeFile(join(outDir, 'package.json'), `${JSON.stringify(clientManifestOf(own, aws), undefined, 2)}\n`);
  return metafile;
};
