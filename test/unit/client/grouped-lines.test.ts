import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createLines } from '../../../src/client/commands/output/grouped-lines.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('lines are written together, at the latest after a moment, and in order', () => {
  const written: string[] = [];
  const lines = createLines({ write: (text) => written.push(text) }, new AbortController().signal);
  lines.print('one');
  lines.print('two');
  expect(written).toEqual([]);
  jest.advanceTimersByTime(50);
  expect(written).toEqual(['one\ntwo\n']);
  lines.print('x'.repeat(20_000));
  expect(written).toHaveLength(2);
  lines.print('three');
  lines.flush();
  expect(written[2]).toBe('three\n');
  jest.advanceTimersByTime(1_000);
  expect(written).toHaveLength(3);
});

test('printing can wait until the reader has taken every line', async () => {
  const callbacks: (() => void)[] = [];
  const lines = createLines({ write: (_, onWritten) => callbacks.push(onWritten) }, new AbortController().signal);
  await lines.taken();
  for (const text of ['one', 'two']) {
    lines.print(text);
    lines.flush();
  }
  let isTaken = false;
  const taken = lines.taken().then(() => {
    isTaken = true;
  });
  callbacks[0]?.();
  await Promise.resolve();
  expect(isTaken).toBe(false);
  callbacks[1]?.();
  await taken;
  await lines.taken();
});

test('a reader that takes nothing is not waited for after the command was stopped', async () => {
  const stop = new AbortController();
  const lines = createLines({ write: () => false }, stop.signal);
  lines.print('one');
  lines.flush();
  const taken = lines.taken();
  stop.abort();
  await taken;
  await lines.taken();
});
