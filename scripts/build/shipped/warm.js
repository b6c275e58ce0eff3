'use strict';
// Rehearses a first delivery, so that V8's code for it is kept and a start need not compile. Run where it will run: it is
// good for one version of Node. Without it everything works as well, only slower to start, so that a rehearsal that fails
// says so and lets the deployment go on; with --strict, as the project's own build has it, it ends with 1.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, readdirSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { startRehearsal } = require('./rehearsal.js');

const MOST_MS = 60_000;

/**
 * Both forms, each as it is started, as far as they are here: an image of the service has no function. The function second, so
 * that what it shares with the service is kept once.
 */
const formsHere = () => {
  // Some of V8's options would make it refuse what is kept, and some would not.
  const options = require('./package.json').scripts?.start?.match(/--\S+/g) ?? [];
  return [
    { options, program: ['server.js'] },
    {
      options: [],
      program: ['functions-framework/build/src/main.js', `--source=${__dirname}`, '--target=courier'],
    },
  ].filter(({ program: [main] }) => existsSync(join(__dirname, main)));
};

/**
 * Starts a form, says which port it listens on, and on demand what of it V8 had, or keeps what V8 has: first for a delivery,
 * then of what is loaded late besides, which would make the former larger if it were loaded before.
 */
const STAGE = `
const { Server } = require('node:net');
const { readdirSync } = require('node:fs');
const { load, keepCompiled, taken } = require('./load.js');
const { listen } = Server.prototype;
Server.prototype.listen = function (...given) {
  return listen.apply(this, given).once('listening', () => process.send({ port: this.address().port }));
};
process.once('message', (wanted) => {
  const delivered = taken();
  if (wanted === 'keep') {
    keepCompiled();
    for (const file of readdirSync('lib')) if (!/^(service|function|framework)\\.js$/.test(file)) load(file);
    keepCompiled();
  }
  process.send({ delivered }, () => process.exit());
});
process.argv.splice(1, 0, 'stage');
require('./' + process.argv[2]);`;

/** Delivers one file on a stage of its own, and answers how many of the bundle's files V8 had. */
const perform = async ({ options, program }, wanted) => {
  const rehearsal = await startRehearsal();
  // Any free port: the framework would take 0 for none.
  const env = { PATH: process.env.PATH, PORT: '0', ...rehearsal.env };
  const child = spawn(process.execPath, [...options, '-e', STAGE, '--', ...program], {
    cwd: __dirname,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    timeout: MOST_MS,
    env,
  });
  let said = '';
  child.stdout.on('data', (piece) => {
    said = (said + piece).slice(-2_000);
  });
  const deliver = async (port) => {
    const response = await rehearsal.deliver(`http://127.0.0.1:${port}`);
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
    child.send(wanted);
  };
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', ({ port, delivered }) => {
        if (port !== undefined) deliver(port).catch(reject);
        if (delivered !== undefined) resolve(delivered);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)));
    });
  } catch (error) {
    throw new Error(`the rehearsal of ${program[0]} failed: ${error.message}\n${said}`);
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rehearsal.end();
  }
};

const cache = join(__dirname, '.compile-cache');
const keptFiles = () => (existsSync(cache) ? readdirSync(cache) : []);

const warmForm = async (form) => {
  const [main] = form.program;
  const before = keptFiles();
  try {
    await perform(form, 'keep');
    const { files, taken } = await perform(form, 'look');
    if (taken < files) throw new Error(`of ${main} V8 took ${taken} of ${files} files of what it had made itself`);
    console.log(`kept V8's code for a first delivery by ${main}: ${taken} files`);
  } catch (error) {
    // The courier may not stand on what a rehearsal failed with.
    for (const file of keptFiles()) if (!before.includes(file)) rmSync(join(cache, file));
    throw error;
  }
};

const warm = async () => {
  rmSync(cache, { recursive: true, force: true });
  for (const form of formsHere()) await warmForm(form);
};

warm().catch((error) => {
  console.error(`WARNING: not all code is kept for a start, which will be slower: ${error.message}`);
  if (process.argv.includes('--strict')) process.exitCode = 1;
});
