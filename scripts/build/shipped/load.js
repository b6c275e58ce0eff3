'use strict';
// Loads the bundle's files. Node's own compile cache keeps a module as it is before it runs, and compiles each function
// at its first call; here V8's code is kept as it is after a first delivery (warm.js), with all that a start calls.
// V8 takes what its own version made of a source as long as this one, and compiles anew what it does not take; it looks
// no closer, so that what is kept begins with two checksums: of the source that it was made of, and of the rest.
const { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const lib = join(__dirname, 'lib');
const cache = join(__dirname, '.compile-cache');
const HEAD = '(function (exports, require, module, __filename, __dirname) {';

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
const requireFrom = (name) => (name.startsWith('./') ? load(name.slice(2)) : require(name));

const run = (file, module) => {
  const filename = join(lib, file);
  const source = readFileSync(filename);
  // The build writes ASCII alone.
  const script = new Script(`${HEAD}${source.latin1Slice()}\n})`, {
    filename,
    columnOffset: -HEAD.length,
    cachedData: keptOf(file, source),
  });
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

/** Keeps what V8 has compiled by now of each file that is loaded, in place of what was kept before. */
const keepCompiled = () => {
  const partial = `${cache}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  for (const [file, script] of scripts) {
    writeFileSync(join(partial, file), withSums(readFileSync(join(lib, file)), script.createCachedData()));
  }
  rmSync(cache, { recursive: true, force: true });
  renameSync(partial, cache);
};

/** How many files are loaded, and of how many V8 took what was kept. */
const taken = () => ({
  files: scripts.size,
  taken: [...scripts.values()].filter(({ cachedDataRejected }) => cachedDataRejected === false).length,
});

module.exports = { load, keepCompiled, taken };
