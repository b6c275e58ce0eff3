import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildClient } from '../../../scripts/build/client.ts';
import { readLock } from '../../../scripts/build/packages/lockfile.ts';

const execute = promisify(execFile);

/**
 * Builds the client's package and packs it as npm would publish it.
 * @param root the project's folder
 * @param folder an empty folder for both
 */
export const packClient = async (root: string, folder: string): Promise<{ tarball: string; files: string[] }> => {
  const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const built = join(folder, 'client');
  await buildClient(root, built, own, await readLock(root));
  const { stdout } = await execute('npm', ['pack', '--json', '--pack-destination', folder, built], { cwd: folder });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  if (packed === undefined) throw new Error('npm packed nothing');
  return { tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
};
