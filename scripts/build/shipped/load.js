'use strict';
// Loads the bundle's files with V8's saved compiled code. Node's own compile cache saves a module before it runs, and compiles
// each function at its first call. Here, the code is saved after a first delivery (warm.js), with every function that a start
// calls. V8 accepts saved code if it comes from the same V8 version and from a source of the same length, and otherwise
// compiles the source. It checks nothing else, so each saved file begins with two checksums: of its source, and of the saved
// code. A platform that replaces its base image updates Node without a new build. The saved code is then invalid: everything
// is compiled as if nothing had been saved, one line in the log reports this, and the compiled code is saved again if the
// folder is writable.
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

const lib = join(__dirname, 'lib');
const cache = join(__dirname, '.compile-cache');
const FRAMEWORK = '@google-cloud/functions-framework';
const ANOTHER_FRAMEWORK = /functions-framework[\\/]build[\\/]src[\\/]main\.js$/;

/** Both maps are keyed by file name. */
const modules = new Map();
const scripts = new Map();

const SUMS_BYTES = 8;

/**
 * Reads a file's saved code. `code` is undefined if it is corrupted or from another source. @returns undefined if none is
 * saved
 */
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

/** The `require` of the bundle's files: for another file of the bundle, a module of Node, or an installed package. */
const requireFrom = (name) => {
  if (name.startsWith('./')) return load(name.slice(2));
  // A function registers with the framework that started it: the bundled one, or another one, which can resolve its own name.
  if (name === FRAMEWORK && modules.has('framework.js')) return load('framework.js');
  const { main } = require;
  return name === FRAMEWORK && ANOTHER_FRAMEWORK.test(main?.filename) ? main.require(name) : require(name);
};
requireFrom.resolve = require.resolve;

const run = (file, module) => {
  const filename = join(lib, file);
  const source = readFileSync(filename);
  // The build writes only ASCII, and wraps each file in the function that is called here.
  const kept = keptOf(file, source);
  const script = new Script(source.latin1Slice(), { filename, cachedData: kept?.code });
  scripts.set(file, script);
  if (kept !== undefined && script.cachedDataRejected !== false) renewLater();
  script.runInThisContext()(module.exports, requireFrom, module, filename, lib);
};

/**
 * Loads each file once. Like Node's `require`, forgets a file that fails, so that no later caller gets a partly loaded
 * module.
 */
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

/** Saves the code that V8 has compiled so far, for each loaded file without valid saved code. */
const keepCompiled = () => {
  mkdirSync(cache, { recursive: true });
  for (const [file, script] of scripts) keepFile(file, script);
};

/** Milliseconds from a start without valid saved code until it is saved again. By then a first delivery has usually ended. */
const RENEW_MS = 30_000;
const QUIET = ['warn', 'error', 'silent'];

/** Prints a line in the format of the courier's log, which is not loaded yet. */
const logNotice = (message) => {
  const { v8, node } = process.versions;
  const time = new Date().toISOString();
  if (!QUIET.includes(process.env.LOG_LEVEL))
    console.log(JSON.stringify({ severity: 'NOTICE', time, node, v8, message }));
};

/** Saves one file at a time, so that no request waits for all of them. */
const renew = () => {
  const [next] = [...scripts].filter(([file, script]) => !done.has(file) && script.cachedDataRejected !== false);
  if (next === undefined) {
    logNotice('compiled code is saved again: the next start from this folder will be fast');
    return;
  }
  try {
    keepFile(...next);
    setTimeout(renew, 10).unref();
  } catch {
    logNotice(
      'compiled code stays in memory, because its folder is not writable: each start takes longer until the next deployment',
    );
  }
};

let isLogged = false;

/** Runs once per process, and not for --check, which only reads the configuration. */
const renewLater = () => {
  if (isLogged || process.argv.includes('--check')) return;
  isLogged = true;
  logNotice(
    'compiled code that was saved is for another version of Node, which was probably updated: everything works, but starts take longer. Redeploying the service saves it again (deploy.sh --redeploy)',
  );
  setTimeout(renew, RENEW_MS).unref();
};

/** Counts the loaded files, and those whose saved code V8 accepted. */
const taken = () => ({
  files: scripts.size,
  taken: [...scripts.values()].filter(({ cachedDataRejected }) => cachedDataRejected === false).length,
});

module.exports = { load, keepCompiled, taken };
