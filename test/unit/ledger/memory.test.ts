import { describe, expect, test } from '@jest/globals';
import type { LedgerEntry } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';

const entryOf = (fileId: string): LedgerEntry => ({ fileId, fingerprint: 'f', state: 'claimed', claimedAtMs: 1 });

describe('the ledger in memory', () => {
  test('forgets an entry when its time is up, counted from its last change', async () => {
    let nowMs = 1_000_000;
    const ledger = createMemoryLedger({ now: () => nowMs, ttlMs: 1_000 });
    await ledger.claim('early', entryOf('id-1'));
    await ledger.claim('recorded', entryOf('id-2'));
    nowMs += 999;
    await ledger.record('recorded', { state: 'done' });
    expect(await ledger.read('early')).toBeDefined();
    nowMs += 1;
    expect(await ledger.read('early')).toBeUndefined();
    expect(await ledger.read('recorded')).toMatchObject({ state: 'done' });
    expect(await ledger.claim('early', entryOf('id-3'))).toMatchObject({ mine: true });
    nowMs += 1_000;
    await expect(ledger.record('recorded', { state: 'done' })).rejects.toMatchObject({ retryable: true });
  });

  test('holds no more entries than it may, and forgets the longest unchanged one first', async () => {
    const ledger = createMemoryLedger({ now: () => 1, maxEntries: 3, ttlMs: 1_000 });
    for (const key of ['a', 'b', 'c']) await ledger.claim(key, entryOf(key));
    await ledger.claim('c', entryOf('again'));
    await ledger.record('a', { state: 'done' });
    await ledger.claim('d', entryOf('d'));
    const known = await Promise.all(['a', 'b', 'c', 'd'].map((key) => ledger.read(key)));
    expect(known.map((entry) => entry?.fileId)).toEqual(['a', undefined, 'c', 'd']);
  });
});
