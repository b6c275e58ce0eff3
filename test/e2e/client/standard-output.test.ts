import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { type Run, runCourier } from '../../support/client/client-process.ts';
import { startTinyCourier } from '../../support/courier/tiny-courier.ts';
import { createListening } from '../../support/network/listening.ts';

const listening = createListening();
let folder: string | undefined;
afterEach(() => {
  listening.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** A device on which no space is left. Only Linux has it. */
const FULL = '/dev/full';
if (!existsSync(FULL)) console.warn(`SKIPPED: no ${FULL} here, so full disks are not tested.`);
const testWithFull = existsSync(FULL) ? test : test.skip;

testWithFull('a command whose output cannot be written fails, and says why', async () => {
  const under = ['sh', '-c', `exec "$@" > ${FULL}`, 'sh'];
  const { code, stderr } = await runCourier(['completion', 'bash'], { under });
  expect([code, stderr]).toEqual([1, 'courier: Standard output cannot be written: No space left on device\n']);
});

testWithFull(
  'a run of many files whose output cannot be written ends in order, and says how to continue it',
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'courier-output-'));
    for (let serial = 0; serial < FILES; serial += 1) writeFileSync(join(folder, `file-${serial}`), '');
    const { env, courier } = await startSending();
    const under = ['sh', '-c', `exec "$@" > ${FULL}`, 'sh'];
    const { code, stderr } = await runCourier(['send', '--json', `${folder}/`], { env, under });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^courier: Standard output cannot be written: No space left on device\ncourier: stopped: /);
    expect(stderr).toMatch(/To avoid a duplicate, add --key \S+\n$/);
    expect(courier.state.requests).toBeLessThan(FILES);
  },
  60_000,
);

const FILES = 3_000;
/** Makes each line longer than a kilobyte, so that few files fill what the system keeps for a pipe. */
const LONG = join(...Array.from({ length: 4 }, () => 'x'.repeat(120)));

const startSending = async () => {
  const courier = await startTinyCourier(listening);
  const metadata = await listening.listen((_, response) => response.end('header.payload.signature'));
  return { courier, env: { COURIER_URL: courier.url, GCE_METADATA_HOST: metadata, NO_GCE_CHECK: '' } };
};

/** Starts `courier send --json` for many files. Nobody reads its output until `read` is called. */
const sendUnread = async (...options: string[]) => {
  folder = mkdtempSync(join(tmpdir(), 'courier-output-'));
  const root = join(folder, LONG);
  mkdirSync(root, { recursive: true });
  for (let serial = 0; serial < FILES; serial += 1) writeFileSync(join(root, `file-${serial}`), '');
  const { courier, env } = await startSending();
  let child: ChildProcess | undefined;
  const ended = runCourier(['send', '--json', ...options, `${folder}/`], {
    env,
    watch(started) {
      child = started;
      started.stdout?.pause();
    },
  });
  return {
    courier,
    read(): Promise<Run> {
      child?.stdout?.resume();
      return ended;
    },
    /** Closes the pipe after the first lines, as `head` does. */
    async readStart(): Promise<Run> {
      const output = child?.stdout;
      output?.once('data', () => output.destroy());
      output?.resume();
      return ended;
    },
  };
};

/** Waits until a number has not grown for a second. */
const whenStill = async (count: () => number): Promise<number> => {
  for (;;) {
    const before = count();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (before > 0 && count() === before) return before;
  }
};

test.each<[string, boolean, number]>([
  ['are delivered', false, 0],
  ['fail', true, 1],
])(
  'while nobody reads its output, the command sends no more files, also if they %s',
  async (_, isRefused, expectedCode) => {
    const { courier, read } = await sendUnread();
    if (isRefused) courier.state.refuse = () => ({ status: 409, code: 'name-taken' });
    expect(await whenStill(() => courier.state.requests)).toBeLessThan(FILES / 2);
    const { code, stdout } = await read();
    const lines = stdout.trimEnd().split('\n').length;
    expect([code, courier.state.requests, lines]).toEqual([expectedCode, FILES, FILES + 1]);
  },
  60_000,
);

test('if the reader of its output ends, a run of many files says that it is not complete, and how to continue it', async () => {
  const { courier, readStart } = await sendUnread();
  const { code, stderr } = await readStart();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^courier: stopped: .*: Standard output cannot be written\n/);
  expect(stderr).toMatch(/To avoid a duplicate, add --key \S+\n$/);
  expect(courier.state.requests).toBeLessThan(FILES);
}, 60_000);

test('if the reader of its output ends, a dry run ends without a message', async () => {
  const { readStart } = await sendUnread('--dry-run');
  const { code, stderr } = await readStart();
  expect([code, stderr]).toEqual([1, '']);
}, 60_000);
