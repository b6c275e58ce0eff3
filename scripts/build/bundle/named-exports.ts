import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const NOT_NAMES = ['default', '__esModule'];

/**
 * The names under which Node exports a CommonJS library; undefined for an ES module. To find them, the library is loaded.
 * Node marks the namespace of a CommonJS module with the name "module.exports" (nodejs.org/api/esm.html#commonjs-namespaces).
 */
const namesOf = async (root: string, library: string): Promise<string[] | undefined> => {
  const path = createRequire(join(root, 'package.json')).resolve(library);
  const names = Object.keys(await import(pathToFileURL(path).href));
  return names.includes('module.exports')
    ? names.filter((name) => IDENTIFIER.test(name) && !NOT_NAMES.includes(name))
    : undefined;
};

/**
 * In Node, `const { a } = await import('library')` also works for CommonJS. esbuild turns such a library into a file with
 * only a default export. This plugin restores the named exports, so that the bundle behaves like the sources.
 */
export const nameExports = (root: string): Plugin => ({
  name: 'name-exports',
  setup(build) {
    const own = join(root, 'src') + sep;
    build.onResolve({ filter: /^[@a-z]/ }, async ({ path, kind, importer, pluginData }) => {
      if (kind !== 'dynamic-import' || !importer.startsWith(own) || pluginData === 'asked') return undefined;
      const { external } = await build.resolve(path, { kind, resolveDir: root, pluginData: 'asked' });
      return external || (await namesOf(root, path)) === undefined ? undefined : { path, namespace: 'named' };
    });
    build.onLoad({ filter: /.*/, namespace: 'named' }, async ({ path }) => {
      const names = (await namesOf(root, path)) ?? [];
      const library = `require(${JSON.stringify(path)})`;
      return {
        contents: `const library = ${library};\nexport default library;\nexport const { ${names.join(', ')} } = library;`,
        loader: 'js',
        resolveDir: root,
      };
    });
  },
});
