import { expect, test } from '@jest/globals';
import { createIds } from '../../../src/drive/create-drive.ts';

const start = (fail: () => boolean = () => false) => {
  let calls = 0;
  const { newId, fetchIdsAhead } = createIds(async (count) => {
    calls += 1;
    const call = calls;
    await new Promise((resolve) => setImmediate(resolve));
    if (fail()) throw new Error('down');
    return Array.from({ length: count }, (_, at) => `id-${call}-${at}`);
  });
  return { newId, fetchIdsAhead, calls: () => calls };
};

test('two thousand files, fifty at a time, get two thousand ids with three calls', async () => {
  const { newId, calls } = start();
  const ids: string[] = [];
  for (let turn = 0; turn < 40; turn++) {
    ids.push(...(await Promise.all(Array.from({ length: 50 }, () => newId({})))));
  }
  expect(new Set(ids).size).toBe(2_000);
  expect(calls()).toBe(3);
});

test('a failure reaches the waiting callers, and the next one calls again', async () => {
  let down = true;
  const { newId, calls } = start(() => down);
  const waiting = await Promise.allSettled([newId({}), newId({})]);
  expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  down = false;
  expect(await newId({})).toMatch(/^id-2-/);
  expect(calls()).toBe(2);
});

test('a failed refill affects no caller as long as there are ids', async () => {
  let down = false;
  const { newId } = start(() => down);
  await newId({});
  down = true;
  for (let turn = 0; turn < 999; turn++) await newId({});
  down = false;
  expect(await newId({})).toBeDefined();
});

test('prefetched ids are ready for the first file, which joins a call in progress', async () => {
  const { newId, fetchIdsAhead, calls } = start();
  await Promise.all([fetchIdsAhead(), newId({})]);
  await fetchIdsAhead();
  expect([calls(), await newId({})]).toEqual([1, 'id-1-998']);
});
