import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin, type TransformOptions, transform } from 'esbuild';
import { commitOf } from './commit.ts';
import { describeLess } from './described.ts';
import { loadLate } from './late.ts';
import { leaveOut } from './left-out.ts';
import { nameExports } from './named-exports.ts';

/** Libraries written as CommonJS ask for Node's own modules with `require`, which an ES module has not. */
const REQUIRE = `import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);`;

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
const toScript = async (text: string): Promise<string> =>
  (await transform(text, { ...TEXT, format: 'cjs', supported: { 'dynamic-import': false } })).code;

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

/** What callers run: the command and the library. */
export const bundleClient = async (root: string, outDir: string): Promise<Metafile> => {
  const { metafile } = await build({
    ...optionsOf(root),
    entryPoints: { main: join(root, 'src/client/main.ts'), index: join(root, 'src/client/index.ts') },
    outdir: join(outDir, 'client'),
    chunkNames: 'lib/[name]-[hash]',
    banner: { js: REQUIRE },
    plugins: [nameExports(root), leaveOut(root), onlyVersion(root)],
    // Only callers on ECS and EKS need it, and they have it.
    external: ['@aws-sdk/credential-providers'],
  });
  return metafile;
};
