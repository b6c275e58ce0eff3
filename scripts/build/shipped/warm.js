'use strict';
// Simulates a first delivery and saves V8's compiled code for it, so that later starts do not have to compile it. Run it where the
// courier runs, because the code is valid for one version of Node only. Without saved code everything works, but starts are
// slower. If the simulation fails, it therefore logs a warning and the deployment continues. With --strict, which the
// project's own build uses, the exit code is 1.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, readdirSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { startRehearsal } = require('./rehearsal.js');

const MAX_MS = 60_000;

/**
 * The forms that are present, each with its start command. An image of the service has no function. The function comes second,
 * so that the files that it shares with the service are saved once.
 */
const formsHere = () => {
  // V8 rejects saved code if some of its options differ, so the simulation uses the options of the start command.
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
 * Starts a form and reports its port. On a message, reports for how many files V8 accepted saved code. For the message
 * `keep`, it also saves the code: first that of the delivery, then that of the files that are loaded on demand. Loaded
 * earlier, these would make the code of the delivery larger.
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

/** Delivers one file in a separate process. @returns for how many of the bundle's files V8 accepted saved code */
const perform = async ({ options, program }, wanted) => {
  const rehearsal = await startRehearsal();
  // Any free port. STAGE reports the one that the server listens on.
  const env = { PATH: process.env.PATH, PORT: '0', ...rehearsal.env };
  const child = spawn(process.execPath, [...options, '-e', STAGE, '--', ...program], {
    cwd: __dirname,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    timeout: MAX_MS,
    env,
  });
  let printed = '';
  child.stdout.on('data', (piece) => {
    printed = (printed + piece).slice(-2_000);
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
    throw new Error(`the rehearsal of ${program[0]} failed: ${error.message}\n${printed}`);
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
    // The courier must not use code from a simulation that failed.
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
