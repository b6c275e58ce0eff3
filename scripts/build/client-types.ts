import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Everything that the types can depend on: the client, the domain types above it, and the compiler's settings. */
const digestOfSources = async (root: string): Promise<string> => {
  const hash = createHash('sha256');
  const client = await readdir(join(root, 'src/client'), { recursive: true });
  const domain = await readdir(join(root, 'src'));
  const paths = [
    ...client.map((path) => join('src/client', path)),
    ...domain.map((path) => join('src', path)),
    'tsconfig.json',
    'package-lock.json',
    'scripts/build/client-types.ts',
  ];
  for (const path of paths.filter((each) => /\.(ts|json)$/.test(each)).sort()) {
    hash.update(`${path}\n`).update(await readFile(join(root, path)));
  }
  return hash.digest('hex').slice(0, 20);
};

/** Loads the compiler, which takes seconds, only when the types must be generated. */
const generate = async (root: string): Promise<string> => {
  const [{ rollup }, { dts }] = await Promise.all([import('rollup'), import('rollup-plugin-dts')]);
  const bundle = await rollup({
    input: join(root, 'src/client/index.ts'),
    external: [/^node:/],
    plugins: [
      dts({
        tsconfig: join(root, 'tsconfig.json'),
        // Removes declarations marked @internal.
        compilerOptions: { stripInternal: true, incremental: false },
      }),
    ],
  });
  const { output } = await bundle.generate({ format: 'es' });
  await bundle.close();
  return output[0].code;
};

/**
 * Generates the types of the client's library, in one file without dependencies.
 * @param root the project's folder; a copy is kept in node_modules/.cache until the sources change
 */
export const clientTypes = async (root: string): Promise<string> => {
  const folder = join(root, 'node_modules/.cache');
  const path = join(folder, `client-${await digestOfSources(root)}.d.ts`);
  const cached = await readFile(path, 'utf8').catch(() => undefined);
  if (cached !== undefined) return cached;
  const types = await generate(root);
  const draft = `${path}.${process.pid}`;
  await mkdir(folder, { recursive: true });
  await writeFile(draft, types);
  await rename(draft, path);
  return types;
};
