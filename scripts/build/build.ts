import { chmod, copyFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { z } from 'zod';
import { bundleServer } from './bundle/bundle.ts';
import { buildClient } from './client.ts';
import { bundledFolders } from './packages/contents.ts';
import { bundleFramework } from './bundle/framework.ts';
import { readLock } from './packages/lockfile.ts';
import { FRAMEWORK_FILES, FRAMEWORK_FOLDER, frameworkManifestOf, lockfileOf, manifestOf } from './packages/manifest.ts';
import { noticesOf } from './packages/notices.ts';
import { sbomOf } from './packages/sbom.ts';

const SHIPPED = join(import.meta.dirname, 'shipped');

const ownSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  engines: z.record(z.string(), z.string()),
  repository: z.unknown().optional(),
  homepage: z.string().optional(),
  bugs: z.unknown().optional(),
});

export interface Build {
  /** esbuild's report of what is in the bundles. */
  server: Metafile;
  framework: Metafile;
  client: Metafile;
}

/** Maps the folder of a package to the parts of dist that contain code of it. */
const placesOf = (parts: Readonly<Record<string, string[]>>): Map<string, string[]> => {
  const places = new Map<string, string[]>();
  for (const [place, folders] of Object.entries(parts)) {
    for (const folder of folders) places.set(folder, [...(places.get(folder) ?? []), place]);
  }
  return places;
};

const makeAll = async (root: string, outDir: string): Promise<Build> => {
  const own = ownSchema.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const lock = await readLock(root);
  const server = await bundleServer(root, outDir);
  const framework = await bundleFramework(root, outDir);
  const client = await buildClient(root, join(outDir, 'client'), own, lock);
  for (const file of await readdir(SHIPPED)) await copyFile(join(SHIPPED, file), join(outDir, file));
  await chmod(join(outDir, FRAMEWORK_FOLDER, FRAMEWORK_FILES.main), 0o755);

  const places = placesOf({
    service: bundledFolders(server),
    framework: bundledFolders(framework),
    client: bundledFolders(client),
  });
  const write = (path: string, content: string | object): Promise<void> =>
    writeFile(join(outDir, path), typeof content === 'string' ? content : `${JSON.stringify(content, undefined, 2)}\n`);
  await write('package.json', manifestOf(own));
  await write('package-lock.json', lockfileOf(own, lock));
  await write(join(FRAMEWORK_FOLDER, 'package.json'), frameworkManifestOf(lock));
  await write('sbom.cdx.json', sbomOf({ ...own, lock, places }));
  await write('THIRD_PARTY_LICENSES.txt', await noticesOf(root, lock, [...places.keys()].sort()));
  await copyFile(join(root, 'LICENSE'), join(outDir, 'LICENSE'));
  return { server, framework, client };
};

/**
 * Builds everything that is deployed, from scratch. The same sources give the same bytes.
 * @param root the project's folder, with its dependencies installed
 * @param outDir the folder to replace after a successful build; a build that fails does not change it
 */
export const buildDist = async (root: string, outDir: string): Promise<Build> => {
  const partial = `${outDir}.partial`;
  const clear = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
  await clear(partial);
  try {
    const made = await makeAll(root, partial);
    await clear(outDir);
    await rename(partial, outDir);
    return made;
  } finally {
    await clear(partial);
  }
};
