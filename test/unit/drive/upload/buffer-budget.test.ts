import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { createBufferBudget, defaultBufferBytes } from '../../../../src/drive/upload/buffer-budget.ts';
import { CourierError } from '../../../../src/errors.ts';
import { watchTimers } from '../../../support/processes/running-timers.ts';

const MIB = 1_048_576;

const budgetOf = (blocks: number, maxWaiters = 10) =>
  createBufferBudget({ bytes: blocks * 10, blockBytes: 10, maxWaiters });

const takeAll = (lease: { take(): Buffer | undefined }): Buffer[] => {
  const taken: Buffer[] = [];
  for (let block = lease.take(); block !== undefined; block = lease.take()) taken.push(block);
  return taken;
};

describe('the default is a quarter of the memory', () => {
  test.each([
    ['of the container, where there is a limit', 512 * MIB, 16_000 * MIB, 128 * MIB],
    ['of the machine, where there is none (cgroup v2)', 0, 16_000 * MIB, 4_000 * MIB],
    ['of the machine, where there is none (cgroup v1)', 2 ** 63, 16_000 * MIB, 4_000 * MIB],
    ['of the machine, where the limit is all of it', 16_000 * MIB, 16_000 * MIB, 4_000 * MIB],
    ['in whole bytes, never more than a quarter', 1_003, 2_000, 250],
  ])('%s', (_, constrained, total, expected) => {
    expect(defaultBufferBytes(constrained, total)).toBe(expected);
  });
});

test('a single upload gets half, and never more than the total', async () => {
  const budget = budgetOf(20);
  const lease = await budget.lease(2);
  expect(lease.share()).toBe(10);
  expect(takeAll(lease)).toHaveLength(10);
  expect(budget.gauges()).toEqual({ capacity: 200, used: 100, waiting: 0 });
});

test("a block is Drive's chunk granularity: 256 KiB", () => {
  expect(createBufferBudget({ bytes: 1, maxWaiters: 1 })).toMatchObject({ blockBytes: 262_144 });
});

test('a budget contains whole blocks, at least four', () => {
  const capacityOf = (bytes: number): number =>
    createBufferBudget({ bytes, blockBytes: 10, maxWaiters: 1 }).gauges().capacity;
  expect([0, 49, 50, 59].map(capacityOf)).toEqual([40, 40, 50, 50]);
});

test('the share shrinks with the number of uploads', async () => {
  const budget = budgetOf(20);
  const leases = await Promise.all([1, 2, 3].map(() => budget.lease(2)));
  expect(leases.map(({ share }) => share())).toEqual([5, 5, 5]);
});

test('the share grows again as other uploads end', async () => {
  const budget = budgetOf(20);
  const [first, ...others] = await Promise.all([1, 2, 3].map(() => budget.lease(2)));
  for (const lease of others) lease.close();
  expect(first?.share()).toBe(10);
});

test('a share consists of whole blocks, and never exceeds its limit', async () => {
  const budget = budgetOf(20);
  const leases = await Promise.all([1, 2].map(() => budget.lease(2)));
  expect(leases.map(({ share }) => share())).toEqual([6, 6]);
});

test('leased blocks are always granted, however many blocks others hold', async () => {
  const budget = budgetOf(20);
  const greedy = await budget.lease(2);
  takeAll(greedy);
  const small = await Promise.all([1, 2, 3, 4, 5].map(() => budget.lease(2)));
  expect(budget.gauges().used).toBe(200);
  expect(small.map(takeAll).map(({ length }) => length)).toEqual([2, 2, 2, 2, 2]);
});

test('waiters are served in order, and blocks that exceed their holder’s lease go to them first', async () => {
  const budget = budgetOf(8);
  const greedy = await budget.lease(2);
  const held = takeAll(greedy);
  expect(held).toHaveLength(4);
  await budget.lease(4);
  const order: string[] = [];
  const first = budget.lease(3).then(() => order.push('first'));
  const second = budget.lease(1).then(() => order.push('second'));
  expect(budget.gauges()).toMatchObject({ used: 80, waiting: 2 });
  const give = async (): Promise<void> => {
    const block = held.pop();
    if (block !== undefined) greedy.give(block);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await give();
  await give();
  // Two blocks are free and the first waiter wants three: the second one, which wants one, does not overtake it. The
  // greedy upload gets no more.
  expect(order).toEqual([]);
  expect(greedy.take()).toBeUndefined();
  await give();
  await give();
  greedy.close();
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});

test('a holder gets no more blocks while others wait', async () => {
  const budget = budgetOf(20);
  const greedy = await budget.lease(2);
  const held = takeAll(greedy);
  await budget.lease(9);
  void budget.lease(8);
  for (const block of held.splice(0, 5)) greedy.give(block);
  expect(budget.gauges()).toEqual({ capacity: 200, used: 140, waiting: 1 });
  expect(greedy.take()).toBeUndefined();
});

test('a new waiter queues behind the others, although there would be enough for it alone', async () => {
  const budget = budgetOf(8);
  const holder = await budget.lease(8);
  const order: string[] = [];
  const large = budget.lease(6).then(() => order.push('large'));
  holder.close();
  await large;
  const waiting = budget.lease(4).then(() => order.push('waiting'));
  // Two are free, and only one is requested.
  const late = budget.lease(1).then((lease) => {
    order.push('late');
    lease.close();
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(['large']);
  expect(budget.gauges()).toMatchObject({ used: 60, waiting: 2 });
  void waiting;
  void late;
});

test('a returned block admits a waiter while its upload continues', async () => {
  const budget = budgetOf(8);
  const greedy = await budget.lease(2);
  const held = takeAll(greedy);
  const other = await budget.lease(4);
  const waiting = budget.lease(1);
  const block = held.pop();
  if (block !== undefined) greedy.give(block);
  expect(takeAll(await waiting)).toHaveLength(1);
  expect(other.share()).toBeGreaterThanOrEqual(4);
});

test('blocks are reused', async () => {
  const budget = budgetOf(4);
  const lease = await budget.lease(1);
  const block = lease.take();
  if (block !== undefined) lease.give(block);
  expect(lease.take()).toBe(block);
});

test('a closed lease returns its part once', async () => {
  const budget = budgetOf(4);
  const lease = await budget.lease(3);
  lease.close();
  lease.close();
  expect(budget.gauges().used).toBe(0);
  expect(lease.take()).toBeUndefined();
});

describe('an upload that may not wait gets an error to retry', () => {
  test('when the queue is full', async () => {
    const budget = budgetOf(4, 1);
    await budget.lease(4);
    const waiting = budget.lease(1);
    await expect(budget.lease(1)).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 5 });
    void waiting;
  });

  test('immediately, if the request was cancelled before', async () => {
    const budget = budgetOf(4);
    await budget.lease(4);
    const signal = AbortSignal.abort(new CourierError('shutting-down'));
    await expect(budget.lease(1, { signal })).rejects.toMatchObject({ code: 'shutting-down' });
    await expect(budget.lease(1, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toMatchObject({
      code: 'busy',
      retryAfterSeconds: 5,
    });
    expect(budget.gauges()).toMatchObject({ used: 40, waiting: 0 });
  });

  test('and an admitted one removes its listener', async () => {
    const budget = budgetOf(4);
    const holder = await budget.lease(4);
    const { signal } = new AbortController();
    const waiting = budget.lease(1, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    holder.close();
    await waiting;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('and the next one, which needs less, gets its blocks', async () => {
    const budget = budgetOf(8);
    const holder = await budget.lease(6);
    const giveUp = new AbortController();
    const large = budget.lease(8, { signal: giveUp.signal });
    const small = budget.lease(2);
    giveUp.abort(new CourierError('shutting-down'));
    await expect(large).rejects.toMatchObject({ code: 'shutting-down' });
    expect(takeAll(await small)).toHaveLength(2);
    holder.close();
  });

  test('at the deadline', async () => {
    const budget = budgetOf(4);
    await budget.lease(4);
    await expect(budget.lease(1, { deadlineMs: Date.now() + 20 })).rejects.toMatchObject({ code: 'busy' });
    expect(budget.gauges().waiting).toBe(0);
  });

  test('and not before it; an admitted one leaves no timer behind', async () => {
    const timers = watchTimers();
    const budget = budgetOf(4);
    const holder = await budget.lease(4);
    const waiting = budget.lease(1, { deadlineMs: Date.now() + 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(budget.gauges().waiting).toBe(1);
    holder.close();
    expect(takeAll(await waiting).length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(timers.running(20_000)).toEqual([]);
    timers.stop();
  });

  test('when the request is cancelled, with its reason', async () => {
    const budget = budgetOf(4);
    const holder = await budget.lease(4);
    const giveUp = new AbortController();
    const waiting = budget.lease(1, { signal: giveUp.signal });
    giveUp.abort(new CourierError('shutting-down'));
    await expect(waiting).rejects.toMatchObject({ code: 'shutting-down' });
    holder.close();
    expect(budget.gauges()).toMatchObject({ used: 0, waiting: 0 });
  });
});
