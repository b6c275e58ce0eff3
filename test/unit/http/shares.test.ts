import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createShares, type Shares } from '../../../src/http/capacity.ts';
import { createLineMemory } from '../../../src/http/document-memory.ts';

/** Takes repeatedly until nothing is left. */
const takeAll = (shares: Shares, holder: string, piece = 1): number => {
  let taken = 0;
  while (shares.open(holder).take(piece)) taken += piece;
  return taken;
};

describe('shares', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 80, 333])('of %d: a single holder gets them all', (most) => {
    expect(takeAll(createShares(most), 'a')).toBe(most);
  });

  test.each([1, 2, 3, 8, 80])('of %d: a holder at its maximum leaves some for the next', (most) => {
    const shares = createShares(most);
    takeAll(shares, 'greedy');
    expect(shares.open('honest').take(1)).toBe(true);
  });

  test('of 80: five holders that take as much as they can, one after the other', () => {
    const shares = createShares(80);
    expect(['a', 'b', 'c', 'd', 'e'].map((holder) => takeAll(shares, holder))).toEqual([80, 16, 3, 1, 0]);
  });

  test('of the memory for lines: next to callers that read nothing, the next one can have thousands of lines', () => {
    const memory = createLineMemory();
    const silent = ['a', 'b', 'c'].map((holder) => takeAll(memory, holder, 1_024) / 1_024);
    expect(silent).toEqual([16_384, 8_192, 4_096]);
  });

  test('in pieces of any size: no holder exceeds the maximum, and together they exceed it by at most a quarter', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 60 })));
    fc.assert(
      fc.property(steps, (taken) => {
        const shares = createShares(100);
        const held: Record<string, number> = {};
        for (const [holder, amount] of taken) {
          const room = shares.available(holder);
          expect(shares.open(holder).take(amount)).toBe(amount <= room);
          if (amount <= room) held[holder] = (held[holder] ?? 0) + amount;
        }
        const amounts = Object.values(held);
        expect(Math.max(0, ...amounts)).toBeLessThanOrEqual(100);
        expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBeLessThanOrEqual(125);
      }),
    );
  });

  test('a returned share can be taken by another holder', () => {
    const shares = createShares(10);
    const share = shares.open('a');
    expect([share.take(10), shares.available('a'), shares.available('b')]).toEqual([true, 0, 2]);
    share.release(4);
    expect([shares.available('a'), shares.available('b')]).toEqual([4, 6]);
    share.release();
    expect([shares.available('a'), shares.available('b')]).toEqual([10, 10]);
  });

  test('whoever listens is called after each release, until it stops', () => {
    const shares = createShares(10);
    const availableTo: number[] = [];
    const stop = shares.onRelease(() => availableTo.push(shares.available('b')));
    const share = shares.open('a');
    share.take(10);
    share.release(4);
    share.release();
    stop();
    share.take(1);
    share.release();
    expect(availableTo).toEqual([6, 10]);
  });

  test('a share moves to another holder, or stays if that one has its own', () => {
    const shares = createShares(4);
    const [one, other] = [shares.open('a'), shares.open('b')];
    expect([one.take(2), one.move('b'), shares.available('a')]).toEqual([true, true, 3]);
    expect([other.take(1), shares.open('c').take(2)]).toEqual([true, true]);
    one.release();
    const big = shares.open('d');
    expect([big.take(1), big.move('c'), shares.available('d')]).toEqual([true, true, 1]);
    const full = createShares(2);
    const [held, wanted] = [full.open('a'), full.open('b')];
    expect([held.take(2), wanted.take(1), wanted.move('a')]).toEqual([true, true, false]);
    wanted.release();
    expect(full.available('b')).toBe(1);
  });

  test('holders without shares are forgotten', () => {
    const shares = createShares(10);
    for (let n = 0; n < 5_000; n += 1) {
      const share = shares.open(`holder ${n}`);
      expect(share.take(10)).toBe(true);
      share.release();
    }
    expect(shares.available('another')).toBe(10);
  });
});
