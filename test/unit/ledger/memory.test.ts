import { describe, expect, test } from '@jest/globals';
import type { Ledger, LedgerEntry } from '../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../src/ledger/memory.ts';

const entryOf = (fileId: string): LedgerEntry => ({ fileId, fingerprint: 'f', state: 'claimed', claimedAtMs: 1 });

const HOUR_MS = 3_600_000;

const finish = async (ledger: Ledger, key: string): Promise<void> => {
  const entry = await ledger.read(key);
  if (entry === undefined) throw new Error(`no entry under ${key}`);
  await ledger.record(key, { state: 'done' }, entry);
};

/** Claims keys until one is rejected. Returns the number of accepted ones. */
const fill = async (ledger: Ledger, owner: string, { finished = false, prefix = owner } = {}): Promise<number> => {
  for (let turn = 0; ; turn++) {
    const key = `${prefix} ${turn}`;
    const refused = await ledger.claim(key, entryOf(key), owner).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused !== undefined) {
      expect(refused).toMatchObject({ code: 'busy', status: 429, retryAfterSeconds: 60 });
      return turn;
    }
    if (finished) await finish(ledger, key);
  }
};

describe('the ledger in memory', () => {
  test('removes an entry at its expiry, counted from the last change', async () => {
    let nowMs = 1_000_000;
    const ledger = createMemoryLedger({ now: () => nowMs, ttlMs: 1_000 });
    await ledger.claim('early', entryOf('id-1'));
    const { entry } = await ledger.claim('recorded', entryOf('id-2'));
    nowMs += 999;
    await ledger.record('recorded', { state: 'done' }, entry);
    expect(await ledger.read('early')).toBeDefined();
    nowMs += 1;
    expect(await ledger.read('early')).toBeUndefined();
    expect(await ledger.read('recorded')).toMatchObject({ state: 'done' });
    expect(await ledger.claim('early', entryOf('id-3'))).toMatchObject({ mine: true });
    nowMs += 1_000;
    await expect(ledger.record('recorded', { state: 'done' }, entry)).rejects.toMatchObject({ retryable: true });
  });

  test('rejects a caller that has filled its share, and accepts the entries of others', async () => {
    const ledger = createMemoryLedger({ now: () => 1, maxBytes: 100_000 });
    await ledger.claim('theirs', entryOf('id-1'), 'other');
    const taken = await fill(ledger, 'greedy');
    expect(taken).toBeGreaterThan(10);
    expect(await ledger.claim('their next', entryOf('id-2'), 'other')).toMatchObject({ mine: true });
    expect(await ledger.read('theirs')).toMatchObject({ fileId: 'id-1' });
    expect(await ledger.read('greedy 0')).toMatchObject({ fileId: 'greedy 0' });
    // Existing entries need no further room.
    expect(await ledger.claim('greedy 0', entryOf('x'), 'greedy')).toMatchObject({ mine: false });
    await finish(ledger, 'greedy 1');
  });

  test('lets a caller fill its share, and the whole, to the last byte', async () => {
    const bytesOf = (key: string): number => 600 + 2 * (key.length + 'f'.length);
    const claimed = 600 + 2 * 'a'.length;
    // The room for a claim is what its key needs; what is kept has the fingerprint as well.
    const maxBytes = 2 * (bytesOf('a') + claimed);
    const ledger = createMemoryLedger({ now: () => 1, maxBytes });
    for (const key of ['a', 'b']) expect(await ledger.claim(key, entryOf(key), 'one')).toMatchObject({ mine: true });
    await expect(ledger.claim('c', entryOf('c'), 'one')).rejects.toMatchObject({ reason: 'ledger-share-full' });
    const tight = createMemoryLedger({ now: () => 1, maxBytes: maxBytes - 2 });
    const { entry } = await tight.claim('a', entryOf('a'), 'one');
    await expect(tight.claim('b', entryOf('b'), 'one')).rejects.toMatchObject({ reason: 'ledger-share-full' });
    // The room of an owner's only entry is free again as well.
    await tight.release('a', entry.version);
    expect(await tight.claim('b', entryOf('b'), 'one')).toMatchObject({ mine: true });
  });

  test('is bounded for all callers together', async () => {
    const ledger = createMemoryLedger({ now: () => 1, maxBytes: 100_000 });
    const taken = await fill(ledger, 'one');
    expect(await fill(ledger, 'two')).toBeLessThanOrEqual(taken);
    expect(await fill(ledger, 'three')).toBeLessThanOrEqual(1);
  });

  test('evicts only completed entries that are an hour old, oldest first', async () => {
    let nowMs = 1_000_000;
    const ledger = createMemoryLedger({ now: () => nowMs, maxBytes: 100_000 });
    await ledger.claim('in progress', entryOf('id-1'), 'one');
    const taken = await fill(ledger, 'one', { finished: true });
    nowMs += HOUR_MS - 1;
    expect(await fill(ledger, 'one', { prefix: 'later' })).toBe(0);
    nowMs += 1;
    await ledger.claim('new', entryOf('id-2'), 'one');
    expect(await ledger.read('one 0')).toBeUndefined();
    expect(await ledger.read('one 1')).toBeDefined();
    expect(await ledger.read(`one ${taken - 1}`)).toBeDefined();
    expect(await ledger.read('in progress')).toBeDefined();
  });

  test('keeps entries for 14 days by default', async () => {
    let nowMs = 1_000_000;
    const ledger = createMemoryLedger({ now: () => nowMs });
    await ledger.claim('key', entryOf('id-1'));
    nowMs += 14 * 24 * HOUR_MS - 1;
    expect(await ledger.read('key')).toBeDefined();
    nowMs += 1;
    expect(await ledger.read('key')).toBeUndefined();
  });

  test('has 32 MiB for one caller and 64 MiB for all by default', async () => {
    const ledger = createMemoryLedger({ now: () => 1 });
    const record = 'x'.repeat(100_000);
    const claim = (key: string, owner: string) => ledger.claim(key, { ...entryOf(key), record }, owner);
    const fillWith = async (owner: string): Promise<number> => {
      for (let turn = 0; ; turn++) {
        const accepted = await claim(`${owner} ${turn}`, owner).catch(() => undefined);
        if (accepted === undefined) return turn;
      }
    };
    const each = Math.floor((32 * 1024 * 1024) / 200_700);
    expect(await fillWith('one')).toBe(each);
    expect(await fillWith('two')).toBe(each);
    await expect(claim('next', 'three')).rejects.toMatchObject({ reason: 'ledger-full' });
    await expect(claim('next', 'one')).rejects.toMatchObject({ reason: 'ledger-share-full' });
  });

  test('removes, for a new entry, only entries of its own caller if that caller has filled its share', async () => {
    let nowMs = 1_000_000;
    const ledger = createMemoryLedger({ now: () => nowMs, maxBytes: 100_000 });
    await ledger.claim('theirs', entryOf('id-1'), 'other');
    await finish(ledger, 'theirs');
    await fill(ledger, 'one', { finished: true });
    nowMs += HOUR_MS;
    expect(await ledger.claim('next', entryOf('id-2'), 'one')).toMatchObject({ mine: true });
    expect(await ledger.read('theirs')).toBeDefined();
  });

  test('removes, for a new caller, the oldest entries of all', async () => {
    let nowMs = 1_000_000;
    const ledger = createMemoryLedger({ now: () => nowMs, maxBytes: 100_000 });
    await fill(ledger, 'one', { finished: true });
    await fill(ledger, 'two', { finished: true });
    nowMs += HOUR_MS;
    expect(await ledger.claim('next', entryOf('id-2'), 'three')).toMatchObject({ mine: true });
    expect(await ledger.read('one 0')).toBeUndefined();
    expect(await ledger.read('one 2')).toBeDefined();
    expect(await ledger.read('two 0')).toBeDefined();
  });

  test('is empty after it is closed, with room for all', async () => {
    const ledger = createMemoryLedger({ now: () => 1, maxBytes: 100_000 });
    const taken = await fill(ledger, 'one');
    await fill(ledger, 'two');
    await ledger.close();
    expect(await ledger.read('one 0')).toBeUndefined();
    expect(await fill(ledger, 'one')).toBe(taken);
  });

  test('returns the room of a removed entry', async () => {
    const ledger = createMemoryLedger({ now: () => 1, maxBytes: 100_000 });
    await fill(ledger, 'one');
    const entry = await ledger.read('one 0');
    await ledger.release('one 0', entry?.version ?? '');
    expect(await ledger.claim('next', entryOf('id'), 'one')).toMatchObject({ mine: true });
  });
});
