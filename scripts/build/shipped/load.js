'use strict';
// Loads the bundle's files. Node's own compile cache keeps a module as it is before it runs, and compiles each function
// at its first call; here V8's code is kept as it is after a first delivery (warm.js), with all that a start calls.
// V8 takes what its own version made of a source as long as this one, and compiles anew what it does not take; it looks
// no closer, so that what is kept begins with two checksums: of the source that it was made of, and of the rest.
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const lib = join(__dirname, 'lib');
const cache = join(__dirname, '.compile-cache');
const FRAMEWORK = '@google-cloud/functions-framework';
const ANOTHER_FRAMEWORK = /functions-framework[\\/]build[\\/]src[\\/]main\.js$/;

/** By file name. */
const modules = new Map();
const scripts = new Map();

const SUMS_BYTES = 8;

/** What was kept of a file, unless it is of another source, or not what was written. */
const keptOf = (file, source) => {
  try {
    const kept = readFileSync(join(cache, file));
    const code = kept.subarray(SUMS_BYTES);
    return kept.readUInt32LE(0) === crc32(source) && kept.readUInt32LE(4) === crc32(code) ? code : undefined;
  } catch {
    return undefined;
  }
};

const withSums = (source, code) => {
  const sums = Buffer.alloc(SUMS_BYTES);
  sums.writeUInt32LE(crc32(source), 0);
  sums.writeUInt32LE(crc32(code), 4);
  return Buffer.concat([sums, code]);
};

/** What a file of the bundle requires: another one, or what is Node's or installed beside. */
const requireFrom = (name) => {
  if (name.startsWith('./')) return load(name.slice(2));
  // A function registers with the framework that has started it: the bundle's own, or another, which knows itself by name.
  if (name === FRAMEWORK && modules.has('framework.js')) return load('framework.js');
  const { main } = require;
  return name === FRAMEWORK && ANOTHER_FRAMEWORK.test(main?.filename) ? main.require(name) : require(name);
};
requireFrom.resolve = require.resolve;

const run = (file, module) => {
  const filename = join(lib, file);
  const source = readFileSync(filename);
  // The build writes ASCII alone, and around each file the function that is called here.
  const script = new Script(source.latin1Slice(), { filename, cachedData: keptOf(file, source) });
  scripts.set(file, script);
  script.runInThisContext()(module.exports, requireFrom, module, filename, lib);
};

/** Each file once; one that fails is forgotten, as by Node's own `require`, so that the next who asks is not given half of it. */
const load = (file) => {
  const known = modules.get(file);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(file, module);
  try {
    run(file, module);
  } catch (error) {
    modules.delete(file);
    scripts.delete(file);
    throw error;
  }
  return module.exports;
};

const kept = new Set();

/** Keeps what V8 has compiled by now of each file that is loaded, and of which nothing was kept yet. */
const keepCompiled = () => {
  mkdirSync(cache, { recursive: true });
  for (const [file, script] of scripts) {
    if (kept.has(file) || script.cachedDataRejected === false) continue;
    kept.add(file);
    const partial = join(cache, `${file}.partial`);
    writeFileSync(partial, withSums(readFileSync(join(lib, file)), script.createCachedData()));
    renameSync(partial, join(cache, file));
  }
};

/** How many files are loaded, and of how many V8 took what was kept. */
const taken = () => ({
  files: scripts.size,
  taken: [...scripts.values()].filter(({ cachedDataRejected }) => cachedDataRejected === false).length,
});

module.exports = { load, keepCompiled, taken };
