'use strict';
// Rehearses a first delivery, so that V8's code for it is kept and a start need not compile. Run where it will run: it is
// good for one version of Node. Without it everything works as well, only slower to start, so that a rehearsal that fails
// says so and lets the deployment go on; with --strict, as the project's own build has it, it ends with 1.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { rmSync } = require('node:fs');
const { join } = require('node:path');
const { startRehearsal } = require('./rehearsal.js');

const MOST_MS = 60_000;

/** Starts the service, and on demand says what of it V8 had, or keeps what V8 has, with what is loaded late besides. */
const STAGE = `
const { load, keepCompiled, taken } = require('./load.js');
load('service.js');
process.once('message', (wanted) => {
  if (wanted === 'keep') {
    for (const file of require('node:fs').readdirSync('lib')) if (!/^(service|function)\\.js$/.test(file)) load(file);
    keepCompiled();
  }
  process.send(taken(), () => process.exit());
});`;

/** Delivers one file on a stage of its own, and answers how many of the bundle's files V8 had. */
const perform = async (wanted) => {
  const rehearsal = await startRehearsal();
  const env = { PATH: process.env.PATH, PORT: '0', ...rehearsal.env };
  const child = spawn(process.execPath, ['-e', STAGE], {
    cwd: __dirname,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    timeout: MOST_MS,
    env,
  });
  let said = '';
  try {
    return await new Promise((resolve, reject) => {
      const deliver = async (origin) => {
        const response = await rehearsal.deliver(origin);
        if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
        child.send(wanted);
      };
      const lookForPort = (piece) => {
        said += piece;
        const [, port] = /listening on port (\d+)/.exec(said) ?? [];
        if (port === undefined) return;
        child.stdout.off('data', lookForPort).resume();
        deliver(`http://127.0.0.1:${port}`).catch(reject);
      };
      child.stdout.on('data', lookForPort);
      child.once('message', resolve);
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)));
    });
  } catch (error) {
    throw new Error(`the rehearsal failed: ${error.message}\n${said.slice(-2_000)}`);
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rehearsal.end();
  }
};

const warm = async () => {
  await perform('keep');
  const { files, taken } = await perform('look');
  if (taken < files) throw new Error(`V8 took ${taken} of ${files} files of what it had made itself`);
  console.log(`kept V8's code for a first delivery: ${taken} files`);
};

warm().catch((error) => {
  console.error(`WARNING: no code is kept for a start, which will be slower: ${error.message}`);
  if (process.argv.includes('--strict')) process.exitCode = 1;
  // Nor may the courier stand on what a rehearsal failed with.
  rmSync(join(__dirname, '.compile-cache'), { recursive: true, force: true });
});
