import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/** A configuration in the environment needs no YAML, and reading the configuration cannot wait for an `import()`. */
const LATE = new Map([['yaml', 'exports.parse = (...given) => require("yaml").parse(...given);']]);

/** What of CommonJS libraries only some starts need is loaded at its first call: a bundle can do so without waiting. */
export const loadLate = (root: string): Plugin => ({
  name: 'load-late',
  setup(build) {
    const own = join(root, 'src');
    build.onResolve({ filter: /^[@a-z]/ }, ({ path, importer }) =>
      LATE.has(path) && importer.startsWith(own) ? { path, namespace: 'late' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'late' }, ({ path }) => ({
      contents: LATE.get(path) ?? '',
      loader: 'js',
      resolveDir: root,
    }));
  },
});
