import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin, type TransformOptions, transform } from 'esbuild';
import { commitOf } from '../commit.ts';
import { describeLess } from './described.ts';
import { loadLate } from './late.ts';
import { leaveOut } from './left-out.ts';
import { nameExports } from './named-exports.ts';
import { keepTogether } from './shared.ts';

/** The program needs only its version and commit. The rest of package.json is left out, because it changes more often. */
const onlyVersion = (root: string): Plugin => ({
  name: 'only-version',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]package\.json$/ }, async ({ path }) => {
      if (path !== join(root, 'package.json')) return undefined;
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version, commit: await commitOf(root) }), loader: 'json' };
    });
  },
});

/** Identifiers are not minified: stack traces stay readable, and the names cost no time and little space. */
export const TEXT = {
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // A single character outside Latin-1 would make V8 store the whole file with two bytes per character.
  charset: 'ascii',
  logLevel: 'warning',
} as const satisfies TransformOptions;

const optionsOf = (root: string): BuildOptions & { metafile: true } => ({
  ...TEXT,
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: 'esm',
  metafile: true,
});

/**
 * esbuild splits only ES modules, but only scripts can save V8's compiled code after a run, so the split files become scripts.
 * Their `import()` then loads synchronously.
 */
const toScript = async (text: string, target: string = TEXT.target): Promise<string> =>
  (await transform(text, { ...TEXT, target, format: 'cjs', supported: { 'dynamic-import': false } })).code;

/** Adds the wrapper function that shipped/load.js calls. Added at start, it would make V8 copy the whole file. */
export const asLoaded = (text: string): string =>
  `(function (exports, require, module, __filename, __dirname) {${text}\n})`;

/**
 * Bundles the service and the function, which share everything except their first lines. What `import()` loads goes into
 * separate files. All files are scripts that load each other through shipped/load.js.
 * @param root the project's folder
 */
export const bundleServer = async (root: string, outDir: string): Promise<Metafile> => {
  const { metafile, outputFiles } = await build({
    ...optionsOf(root),
    write: false,
    entryPoints: { service: join(root, 'src/server.ts'), function: join(root, 'src/function.ts') },
    outdir: join(outDir, 'lib'),
    plugins: [nameExports(root), leaveOut(root), describeLess(), loadLate(root), keepTogether(root), onlyVersion(root)],
    // A function must register with the framework that starts it: the one of framework.ts, or one installed beside the courier.
    external: ['@google-cloud/functions-framework'],
  });
  for (const { path, text } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, asLoaded(await toScript(text)));
  }
  return metafile;
};

/** The oldest Node that runs the client. Bun and Deno support the same syntax. */
export const CLIENT_NODE = 20;

/**
 * The command and the library of the client. They are CommonJS, so that `import` and `require` share one copy: with two, an
 * error thrown by one would not be an instance of the other's class.
 * @param outDir the folder for the scripts
 */
export const bundleClient = async (root: string, outDir: string): Promise<Metafile> => {
  const target = `node${CLIENT_NODE}`;
  const { metafile, outputFiles } = await build({
    ...optionsOf(root),
    target,
    write: false,
    entryPoints: { main: join(root, 'src/client/main.ts'), index: join(root, 'src/client/index.ts') },
    outdir: outDir,
    plugins: [nameExports(root), leaveOut(root), onlyVersion(root)],
    // Only callers on ECS and EKS need it. It is an optional peer dependency.
    external: ['@aws-sdk/credential-providers'],
  });
  for (const { path, text } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await toScript(text, target));
  }
  return metafile;
};
