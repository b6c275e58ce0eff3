import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const LOG = new URL('../../src/log.ts', import.meta.url).href;

const outputOf = (program: string): string[] => {
  const source = `const { createLog } = await import(${JSON.stringify(LOG)}); const log = createLog('info'); ${program}`;
  const options = {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  } as const;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], options);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { message: string }).message);
};

test('lines are written completely and in order, and none is lost when there are many', () => {
  const lines = outputOf('for (let turn = 0; turn < 5000; turn++) log.info({ x: "é".repeat(50) }, String(turn));');
  expect(lines).toEqual(Array.from({ length: 5_000 }, (_, turn) => String(turn)));
});

test.each([
  ['process.exit', 'process.exit(3);'],
  ['an uncaught error', 'throw new Error("nobody");'],
  ['an unhandled rejection', 'await Promise.reject(new Error("nobody"));'],
])('what was logged in the same turn is written before %s ends the process', (_, ending) => {
  expect(outputOf(`log.info({}, "last words"); ${ending}`)).toEqual(['last words']);
});

test('when nothing reads the log any more, the program continues, and stops on a signal', async () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(LOG)});
    const log = createLog('info');
    log.info({}, 'ready');
    let turns = 0;
    setInterval(() => {
      log.info({}, 'unread');
      if (++turns === 20) process.exit(7);
    }, 5);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await once(child, 'exit')).toEqual([7, null]);
}, 30_000);
