import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { asLoaded, TEXT } from './bundle.ts';
import { FRAMEWORK, FRAMEWORK_FILES, FRAMEWORK_FOLDER } from '../packages/manifest.ts';

/**
 * Leaves out half a megabyte of tables for East Asian charsets. body-parser then treats a body in such a charset as one in an
 * unknown charset and answers 415.
 */
const withoutTables: Plugin = {
  name: 'without-tables',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]iconv-lite[\\/]encodings[\\/]dbcs-data\.js$/ }, () => ({ contents: '' }));
  },
};

/**
 * Libraries that Express and body-parser load at start, but use only for some bodies and answers: file types, charsets and
 * nested query strings. Each of them builds tables when it is loaded. Their importers only read members of them.
 */
const ON_USE = /^(iconv-lite|mime-types|qs)$/;

/** The library itself is loaded when a member of it is first read. */
const onUse = (library: string): string => `
let library;
module.exports = new Proxy({}, { get: (_, name) => (library ??= require('${library}'))[name] });`;

/** Loads the libraries of ON_USE at their first use. */
const loadOnUse: Plugin = {
  name: 'load-on-use',
  setup(build) {
    build.onResolve({ filter: ON_USE }, ({ path, namespace, resolveDir }) =>
      namespace === 'on-use' ? undefined : { path, namespace: 'on-use', pluginData: resolveDir },
    );
    build.onLoad({ filter: /.*/, namespace: 'on-use' }, ({ path, pluginData }) => ({
      contents: onUse(path),
      loader: 'js',
      resolveDir: pluginData,
    }));
  },
};

const REQUEST_ERRORS = join(import.meta.dirname, 'request-errors.ts');

/** `node:domain` is replaced by a module with the same effect that is cheaper. */
const withoutDomains: Plugin = {
  name: 'without-domains',
  setup({ onResolve }) {
    onResolve({ filter: /^(?:node:)?domain$/ }, () => ({ path: REQUEST_ERRORS }));
  },
};

/**
 * The module that functions register with and the one that starts the server are in one file, so that they share one
 * registry.
 */
const TOGETHER = `
Object.assign(exports, require('${FRAMEWORK}'));
exports.start = () => require('./node_modules/${FRAMEWORK}/${FRAMEWORK_FILES.main}');`;

/** The framework is in dist if npm links it, and in dist/node_modules/@google-cloud if npm copies it (`--install-links`). */
const LOADED = `
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const dist = [join(__dirname, '../../..'), join(__dirname, '../../../../..')].find((path) => existsSync(join(path, 'load.js')));
const framework = require(join(dist ?? '', 'load.js')).load('framework.js');
`;

/** Files at the paths of the original package. They load the bundled file. */
const DOORS = {
  [FRAMEWORK_FILES.index]: `'use strict';${LOADED}module.exports = framework;\n`,
  [FRAMEWORK_FILES.main]: `#!/usr/bin/env node\n'use strict';${LOADED}framework.start();\n`,
};

/**
 * Bundles functions-framework into one file, which saves the lookup of a hundred files. Its compiled code is saved as for the
 * other files of the bundle.
 * @param root the project's folder
 */
export const bundleFramework = async (root: string, outDir: string): Promise<Metafile> => {
  const { metafile, outputFiles } = await build({
    ...TEXT,
    absWorkingDir: root,
    bundle: true,
    format: 'cjs',
    metafile: true,
    write: false,
    stdin: { contents: TOGETHER, resolveDir: root, sourcefile: 'framework.js' },
    outfile: join(outDir, 'lib/framework.js'),
    plugins: [withoutTables, withoutDomains, loadOnUse],
  });
  const files = [
    ...outputFiles.map(({ path, text }) => ({ path, text: asLoaded(text) })),
    ...Object.entries(DOORS).map(([name, text]) => ({ path: join(outDir, FRAMEWORK_FOLDER, name), text })),
  ];
  for (const { path, text } of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return metafile;
};
