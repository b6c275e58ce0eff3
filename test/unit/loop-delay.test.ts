import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createLoopProbe, residentBytes, watchLoop } from '../support/processes/loop-delay.ts';

/** Measures processor time, so that a busy machine does not shorten it. */
const compute = (milliseconds: number): void => {
  const started = process.cpuUsage();
  while (process.cpuUsage(started).user < milliseconds * 1_000);
};

test('a busy loop is detected by the clock and by its processor time; a waiting one is not', async () => {
  const loop = watchLoop();
  await sleep(100);
  expect(loop.read().busyMs).toBeLessThan(80);
  compute(300);
  await sleep(20);
  expect(loop.stop().busyMs).toBeGreaterThan(100);
  expect(loop.read().delayMs).toBeGreaterThan(250);
});

test('the loop delay and the memory of another process can be read from here at any time', async () => {
  const probe = createLoopProbe();
  const work =
    'let end; do { end ??= Date.now() + 300 } while (Date.now() < end); Buffer.alloc(6e7, 1); console.log(1)';
  const code = `process.stdin.on('data', () => { ${work} })`;
  const child = spawn(process.execPath, ['-e', `${code}; console.log(0)`], {
    env: { PATH: process.env.PATH, ...probe.env() },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    await probe.reset(child);
    const before = residentBytes(child);
    expect((await probe.read()).busyMs).toBeLessThan(100);
    child.stdin.write('x');
    await once(child.stdout, 'data');
    expect((await probe.read()).busyMs).toBeGreaterThan(100);
    expect(probe.peakBytes(child) - before).toBeGreaterThan(4e7);
    await probe.reset(child);
    expect((await probe.read()).busyMs).toBeLessThan(100);
  } finally {
    child.kill();
    probe.close();
  }
});
