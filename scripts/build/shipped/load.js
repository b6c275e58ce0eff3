'use strict';
// Loads the bundle's files. Node's own compile cache keeps a module as it is before it runs, and compiles each function
// at its first call; here V8's code is kept as it is after a first delivery (warm.js), with all that a start calls.
// V8 takes what its own version made of a source as long as this one, and compiles anew what it does not take; it looks
// no closer, so that what is kept begins with two checksums: of the source that it was made of, and of the rest.
// Node may have been updated below what was kept: a platform that swaps its base image does not build again. Then everything is
// compiled as if nothing had been kept, one line in the log says so, and what is compiled by then is kept anew where the folder
// can be written.
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

/** What was kept of a file: its code, unless it is of another source, or not what was written; undefined for nothing at all. */
const keptOf = (file, source) => {
  try {
    const kept = readFileSync(join(cache, file));
    const code = kept.subarray(SUMS_BYTES);
    const isWhole = kept.readUInt32LE(0) === crc32(source) && kept.readUInt32LE(4) === crc32(code);
    return { code: isWhole ? code : undefined };
  } catch (error) {
    return error.code === 'ENOENT' ? undefined : { code: undefined };
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
  const kept = keptOf(file, source);
  const script = new Script(source.latin1Slice(), { filename, cachedData: kept?.code });
  scripts.set(file, script);
  if (kept !== undefined && script.cachedDataRejected !== false) renewLater();
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

const done = new Set();

const keepFile = (file, script) => {
  if (done.has(file) || script.cachedDataRejected === false) return;
  done.add(file);
  const partial = join(cache, `${file}.partial`);
  writeFileSync(partial, withSums(readFileSync(join(lib, file)), script.createCachedData()));
  renameSync(partial, join(cache, file));
};

/** Keeps what V8 has compiled by now of each file that is loaded, and of which nothing was kept yet. */
const keepCompiled = () => {
  mkdirSync(cache, { recursive: true });
  for (const [file, script] of scripts) keepFile(file, script);
};

/** Milliseconds after a start that found nothing of use: by then a first delivery is over, as a rule. */
const RENEW_MS = 30_000;
const QUIET = ['warn', 'error', 'silent'];

/** A line as the courier's log has them; it is not there yet. */
const tell = (message) => {
  const { v8, node } = process.versions;
  const time = new Date().toISOString();
  if (!QUIET.includes(process.env.LOG_LEVEL))
    console.log(JSON.stringify({ severity: 'NOTICE', time, node, v8, message }));
};

/** One file at a time, so that no request waits for all of them. */
const renew = () => {
  const [next] = [...scripts].filter(([file, script]) => !done.has(file) && script.cachedDataRejected !== false);
  if (next === undefined) {
    tell('compiled code is kept anew: the next start from this folder is as short as it can be');
    return;
  }
  try {
    keepFile(...next);
    setTimeout(renew, 10).unref();
  } catch {
    tell(
      'compiled code stays in memory: its folder cannot be written, so that each start takes longer until a new deployment',
    );
  }
};

let isTold = false;

/** Once a process. A look at the configuration is no start. */
const renewLater = () => {
  if (isTold || process.argv.includes('--check')) return;
  isTold = true;
  tell(
    'compiled code that was kept does not fit this Node, which was probably updated: everything works, and a start takes longer. A new deployment keeps it again (deploy.sh --redeploy)',
  );
  setTimeout(renew, RENEW_MS).unref();
};

/** How many files are loaded, and of how many V8 took what was kept. */
const taken = () => ({
  files: scripts.size,
  taken: [...scripts.values()].filter(({ cachedDataRejected }) => cachedDataRejected === false).length,
});

module.exports = { load, keepCompiled, taken };
