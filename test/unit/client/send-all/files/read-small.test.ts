import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createBlockingPace } from '../../../../../src/client/send-all/files/blocking-pace.ts';
import { readSmall } from '../../../../../src/client/send-all/files/read-small.ts';

describe('a small file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'courier-small-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, content: Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  test.each([0, 1, 10_240, 262_144])('of %d bytes is read whole, with its digest', (size) => {
    const content = Buffer.alloc(size, 'courier');
    const small = readSmall(write('a', content));
    expect(small?.size).toBe(size);
    expect(content.equals(small?.whole.bytes ?? Buffer.from('other'))).toBe(true);
    expect(small?.whole.sha256.toString('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  test('can be a symbolic link; anything else is left to the usual way, and nothing stays open', () => {
    symlinkSync(write('a', Buffer.from('a')), join(folder, 'link'));
    symlinkSync('nowhere', join(folder, 'broken'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    write('large', Buffer.alloc(262_145));
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    expect(readSmall(join(folder, 'link'))?.size).toBe(1);
    for (const name of ['broken', 'pipe', 'large', 'missing', '.'])
      expect(readSmall(join(folder, name))).toBeUndefined();
    expect(open()).toBe(before);
  });
});

test('operations block only after a quick one', async () => {
  let nowMs = 0;
  const pace = createBlockingPace(() => nowMs);
  const takes = (milliseconds: number) => (): string => {
    nowMs += milliseconds;
    return 'result';
  };
  expect(pace.isQuick()).toBe(false);
  expect(await pace.timeInThread(async () => takes(1)())).toBe('result');
  expect(pace.isQuick()).toBe(true);
  expect(pace.time(takes(2))).toBe('result');
  expect(pace.isQuick()).toBe(true);
  pace.time(takes(50));
  expect(pace.isQuick()).toBe(false);
  await pace.timeInThread(async () => takes(50)());
  expect(pace.isQuick()).toBe(false);
  // A failure is timed, too.
  await expect(pace.timeInThread(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(pace.isQuick()).toBe(true);
});
