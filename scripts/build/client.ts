import { chmod, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { bundleClient } from './bundle/bundle.ts';
import { clientTypes } from './client-types.ts';
import { bundledFolders } from './packages/contents.ts';
import type { Lock } from './packages/lockfile.ts';
import { clientManifestOf, type Own } from './packages/manifest.ts';
import { noticesOf } from './packages/notices.ts';

/** Files of the package that are copied as they are. */
const FILES = join(import.meta.dirname, 'client');

/** Both module formats use the same types, so that they are compatible with each other. */
const REEXPORT = `export * from './lib/index.js';\n`;

/**
 * Builds the npm package of the client: the command, the library for `import` and `require`, its types, and the pages that npm
 * shows.
 * @param root the project's folder
 * @param outDir the package's folder
 */
export const buildClient = async (root: string, outDir: string, own: Own, lock: Lock): Promise<Metafile> => {
  const lib = join(outDir, 'lib');
  await mkdir(lib, { recursive: true });
  const metafile = await bundleClient(root, lib);
  for (const file of await readdir(FILES)) await copyFile(join(FILES, file), join(outDir, file));
  await chmod(join(outDir, 'courier.cjs'), 0o755);
  // Inside a package of ES modules, this folder's files are CommonJS.
  await writeFile(join(lib, 'package.json'), '{ "type": "commonjs" }\n');
  await writeFile(join(lib, 'index.d.ts'), await clientTypes(root));
  for (const file of ['index.d.ts', 'index.d.cts']) await writeFile(join(outDir, file), REEXPORT);
  await writeFile(join(outDir, 'THIRD_PARTY_LICENSES.txt'), await noticesOf(root, lock, bundledFolders(metafile)));
  for (const file of ['LICENSE', 'CHANGELOG.md']) await copyFile(join(root, file), join(outDir, file));
  await writeFile(join(outDir, 'package.json'), `${JSON.stringify(clientManifestOf(own), undefined, 2)}\n`);
  return metafile;
};
