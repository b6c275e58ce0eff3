import { describe, expect, test } from '@jest/globals';
import { acquireLease } from '../../../src/ledger/lease.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';
import { createSteppedClock } from '../../support/stepped-clock.ts';

const EXPIRED_MS = 32_000;

const start = () => {
  const { now, sleep, pass } = createSteppedClock();
  const ledger = createMemoryLedger({ now });
  const acquire = (note?: string, endFormerWork?: (note: string) => Promise<void>) =>
    acquireLease(ledger, 'key', 'Another conversion', { deadlineMs: now() }, { now, sleep, note, endFormerWork });
  return { ledger, acquire, pass };
};

describe('the note of a lease', () => {
  test('stays when the lease is renewed, and the former work ends before the lease is taken over', async () => {
    const { ledger, acquire, pass } = start();
    const first = await acquire('session 1');
    await pass(20_000);
    first.abandon();
    await pass(EXPIRED_MS);
    const ended: unknown[] = [];
    const second = await acquire('session 2', async (left) => {
      ended.push([left, (await ledger.read('key'))?.record]);
    });
    expect(ended).toEqual([['session 1', expect.objectContaining({ note: 'session 1' })]]);
    expect(second.takenOver).toBe(true);
    expect((await ledger.read('key'))?.record).toMatchObject({ note: 'session 2' });
    await second.release();
  });

  test('stays with the lease of the former holder if it cannot be ended', async () => {
    const { ledger, acquire, pass } = start();
    (await acquire('session 1')).abandon();
    await pass(EXPIRED_MS);
    const unknown = new Error('Drive does not answer');
    await expect(acquire('session 2', () => Promise.reject(unknown))).rejects.toBe(unknown);
    expect((await ledger.read('key'))?.record).toMatchObject({ note: 'session 1' });
  });

  test.each<[string, string | undefined]>([
    ['there is none', undefined],
    ["it is the holder's own, whose first claim had no answer", 'session 2'],
  ])('is not ended if %s', async (_, note) => {
    const { acquire, pass } = start();
    (await acquire(note)).abandon();
    await pass(EXPIRED_MS);
    const ended: string[] = [];
    const lease = await acquire('session 2', async (left) => void ended.push(left));
    expect([lease.takenOver, ended]).toEqual([true, []]);
    await lease.release();
  });
});
