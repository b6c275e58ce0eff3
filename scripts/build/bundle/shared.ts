import { readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { Plugin } from 'esbuild';

/** What is loaded at every start, of which the modules that are loaded on first use need parts. */
const AT_START = ['src/courier.ts', 'src/config/config.ts', 'src/log.ts', 'src/start.ts'];

/**
 * esbuild makes a file for each set of entry points and `import()` targets that share modules, so every target cuts what is
 * loaded at start into more files. If each target imports all of that, it stays in one: the targets run only after it.
 */
export const keepTogether = (root: string): Plugin => ({
  name: 'keep-together',
  setup(build) {
    const own = join(root, 'src') + sep;
    build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, kind, importer }) =>
      kind === 'dynamic-import' && importer.startsWith(own)
        ? { path: join(dirname(importer), path), pluginData: 'late' }
        : undefined,
    );
    build.onLoad({ filter: /\.ts$/ }, async ({ path, pluginData }) => {
      if (pluginData !== 'late') return undefined;
      const imports = AT_START.map((file) => {
        const from = relative(dirname(path), join(root, file)).replaceAll(sep, '/');
        return `import ${JSON.stringify(from.startsWith('.') ? from : `./${from}`)};`;
      });
      return { contents: `${imports.join('')}${await readFile(path, 'utf8')}`, loader: 'ts' };
    });
  },
});
