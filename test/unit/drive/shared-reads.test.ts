import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { CallContext } from '../../../src/drive/drive.ts';
import { createSharedReads } from '../../../src/drive/shared-work.ts';

/** Reads that end when the test ends them. */
const start = () => {
  const begun: { key: string; context: CallContext; end(value: string): void; fail(error: Error): void }[] = [];
  const read = createSharedReads<string>((key, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    begun.push({ key, context, end: resolve, fail: reject });
    return promise;
  });
  return { begun, read };
};

test('callers that ask at the same time share one read', async () => {
  const { begun, read } = start();
  const answers = Promise.all([read('a', {}), Promise.resolve().then(() => read('a', {})), read('b', {})]);
  await turn();
  await turn();
  expect(begun.map(({ key }) => key)).toEqual(['a', 'b']);
  for (const { key, end } of begun) end(key);
  expect(await answers).toEqual(['a', 'a', 'b']);
});

test('callers during a read get the answer of the next one, which begins afterwards', async () => {
  const { begun, read } = start();
  const first = read('a', {});
  await turn();
  await turn();
  const later = Promise.all([read('a', {}), read('a', {})]);
  await turn();
  expect(begun).toHaveLength(1);
  begun[0]?.end('old');
  expect(await first).toBe('old');
  await turn();
  expect(begun).toHaveLength(2);
  begun[1]?.end('new');
  expect(await later).toEqual(['new', 'new']);
});

test('a read without an answer delays the next one for half a second only', async () => {
  const { begun, read } = start();
  const stuck = read('a', {});
  await turn();
  await turn();
  const startedMs = performance.now();
  const next = read('a', {});
  while (begun.length < 2 && performance.now() < startedMs + 5_000) await turn();
  expect(performance.now() - startedMs).toBeGreaterThan(400);
  begun[1]?.end('new');
  expect(await next).toBe('new');
  begun[0]?.end('old');
  expect(await stuck).toBe('old');
});

test('a failure reaches all who share it, and nobody else', async () => {
  const { begun, read } = start();
  const failed = Promise.allSettled([read('a', {}), read('a', {})]);
  await turn();
  await turn();
  begun[0]?.fail(new Error('refused'));
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const again = read('a', {});
  await turn();
  await turn();
  begun[1]?.end('there');
  expect(await again).toBe('there');
});

test('a caller that leaves does not end the read of the others, and the latest deadline counts', async () => {
  const { begun, read } = start();
  const leaving = new AbortController();
  const left = read('a', { signal: leaving.signal, deadlineMs: 10 });
  const staying = read('a', { deadlineMs: 20 });
  await turn();
  await turn();
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  expect(begun[0]?.context).toEqual({ deadlineMs: 20, callStats: undefined });
  begun[0]?.end('there');
  expect(await staying).toBe('there');
});
