import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin, type TransformOptions, transform } from 'esbuild';
import { commitOf } from './commit.ts';
import { describeLess } from './described.ts';
import { loadLate } from './late.ts';
import { leaveOut } from './left-out.ts';
import { nameExports } from './named-exports.ts';

/** The program asks for its version and commit; the rest of package.json is nobody's business, and changes more often. */
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

/** Names stay: a stack trace has to be read at night, and they cost neither time nor much room. */
export const TEXT = {
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  // One sign beyond Latin-1 would make V8 hold a whole file in two bytes a sign.
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

/** esbuild splits ES modules alone; V8's code can be kept after a run for scripts alone. `import()` waits no longer, then. */
const toScript = async (text: string, target: string = TEXT.target): Promise<string> =>
  (await transform(text, { ...TEXT, target, format: 'cjs', supported: { 'dynamic-import': false } })).code;

/** The function around it that shipped/load.js calls: put there now, V8 need not copy a whole file to have it. */
export const asLoaded = (text: string): string =>
  `(function (exports, require, module, __filename, __dirname) {${text}\n})`;

/**
 * The service and the function, which share all but their first lines. What `import()` loads becomes files of its own.
 * They are scripts that take each other from shipped/load.js.
 * @param root the project's folder
 */
export const bundleServer = async (root: string, outDir: string): Promise<Metafile> => {
  const { metafile, outputFiles } = await build({
    ...optionsOf(root),
    write: false,
    entryPoints: { service: join(root, 'src/server.ts'), function: join(root, 'src/function.ts') },
    outdir: join(outDir, 'lib'),
    plugins: [nameExports(root), leaveOut(root), describeLess(), loadLate(root), onlyVersion(root)],
    // What registers a function must be what starts it: framework.ts's, or one that is installed beside the courier.
    external: ['@google-cloud/functions-framework'],
  });
  for (const { path, text } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, asLoaded(await toScript(text)));
  }
  return metafile;
};

/** The oldest Node that runs the client. Bun and Deno understand what it does. */
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
