import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const NOT_NAMES = ['default', '__esModule'];

/**
 * The names that Node gives to what a CommonJS library exports; undefined for an ES module. It is loaded to ask it.
 * Node marks the namespace of CommonJS with the name "module.exports" (nodejs.org/api/esm.html#commonjs-namespaces).
 */
const namesOf = async (root: string, library: string): Promise<string[] | undefined> => {
  const path = createRequire(join(root, 'package.json')).resolve(library);
  const names = Object.keys(await import(pathToFileURL(path).href));
  return names.includes('module.exports')
    ? names.filter((name) => IDENTIFIER.test(name) && !NOT_NAMES.includes(name))
    : undefined;
};

/**
 * `const { a } = await import('library')` works in Node for CommonJS too; of such a library esbuild makes a file that has
 * nothing but a default export. This puts the names back, so that the bundle does what the sources do.
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
