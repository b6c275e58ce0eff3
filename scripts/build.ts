// Builds dist/, the folder that is deployed, and prints its sizes and its digest. The same sources give the same digest.
import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildDist } from './build/build.ts';
import { digestOf, filesOf } from './build/digest.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const outDir = join(root, 'dist');

await buildDist(root, outDir);
const sizes = await Promise.all(
  (await filesOf(outDir)).map(async (path) => ({ path, bytes: (await stat(join(outDir, path))).size })),
);
const total = (of: (path: string) => boolean): string =>
  `${Math.round(sizes.filter(({ path }) => of(path)).reduce((sum, { bytes }) => sum + bytes, 0) / 1024)} KiB`;
console.log(`dist/         ${total(() => true)} in ${sizes.length} files`);
console.log(`  service     ${total((path) => path === 'server.js' || /^lib\/(?!framework\.js$)/.test(path))}`);
console.log(`  framework   ${total((path) => path === 'lib/framework.js' || path.startsWith('functions-framework/'))}`);
console.log(`  client      ${total((path) => path.startsWith('client/'))}`);
console.log(`sha256        ${await digestOf(outDir)}`);

// Saves compiled code, so that later starts do not have to compile it. If this fails in a deployment (gcp-build, the image), the
// deployment continues without it. The project's own build uses --strict, because a failure here is a bug.
const { status } = spawnSync(process.execPath, [join(outDir, 'warm.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
if (status !== 0) process.exitCode = 1;
