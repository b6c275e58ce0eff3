import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/** A configuration in environment variables needs no YAML, and the configuration is read synchronously, without `import()`. */
const LATE = new Map([['yaml', 'exports.parse = (...given) => require("yaml").parse(...given);']]);

/** Loads CommonJS libraries that only some starts need at their first call. In a bundle this is possible synchronously. */
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
