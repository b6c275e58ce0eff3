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
  const lines = createLines({ write: (text) => written.push(text) });
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
