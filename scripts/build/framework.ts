import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { asLoaded, TEXT } from './bundle.ts';
import { FRAMEWORK, FRAMEWORK_FILES, FRAMEWORK_FOLDER } from './manifest.ts';

/** Half a megabyte of tables for East Asian charsets; a body in one of these is then to body-parser one of no charset, 415. */
const withoutTables: Plugin = {
  name: 'without-tables',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]iconv-lite[\\/]encodings[\\/]dbcs-data\.js$/ }, () => ({ contents: '' }));
  },
};

/** What a function registers with, and what starts the server, in one file: they have to have the same registry. */
const TOGETHER = `
Object.assign(exports, require('${FRAMEWORK}'));
exports.start = () => require('./node_modules/${FRAMEWORK}/${FRAMEWORK_FILES.main}');`;

/** Linked by npm it is in dist, as a copy (`--install-links`) in dist/node_modules/@google-cloud. */
const LOADED = `
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const dist = [join(__dirname, '../../..'), join(__dirname, '../../../../..')].find((path) => existsSync(join(path, 'load.js')));
const framework = require(join(dist ?? '', 'load.js')).load('framework.js');
`;

/** What is at the places that the original has, all of it in the bundle's file. */
const DOORS = {
  [FRAMEWORK_FILES.index]: `'use strict';${LOADED}module.exports = framework;\n`,
  [FRAMEWORK_FILES.main]: `#!/usr/bin/env node\n'use strict';${LOADED}framework.start();\n`,
};

/**
 * functions-framework as one file of the bundle, with V8's code kept as for the others: a hundred files less to look for.
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
    plugins: [withoutTables],
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
