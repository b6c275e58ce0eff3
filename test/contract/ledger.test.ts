import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createTransport } from '../../src/google/create-transport.ts';
import { createFirestoreLedger } from '../../src/ledger/firestore.ts';
import type { Ledger, LedgerEntry, StoredEntry } from '../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../src/ledger/memory.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { createKeptLog } from '../support/kept-log.ts';

const entryOf = (fileId: string, record?: unknown): LedgerEntry => ({
  fileId,
  fingerprint: 'f'.repeat(64),
  state: 'claimed',
  claimedAtMs: 1_795_000_000_000,
  ...(record === undefined ? {} : { record }),
});

/** What a claim finds. How old the entry is, the ledger tells by its own clock. */
const found = (entry: StoredEntry) => ({ entry, mine: false, ageMs: expect.any(Number) });

const ANY_VERSION = expect.any(String) as unknown as string;

/** An entry as the ledger returns it. */
const stored = (entry: LedgerEntry, version = ANY_VERSION): StoredEntry => ({ ...entry, version });

const emulator = await startFirestoreEmulator();
if (emulator !== undefined) process.env.FIRESTORE_EMULATOR_HOST = emulator.host;
const log = createKeptLog();
const transport = createTransport({ log });
const opened: Ledger[] = [];

afterAll(async () => {
  await Promise.all(opened.map((ledger) => ledger.close()));
  transport.close();
  await emulator?.stop();
});

let collections = 0;
const openOnFirestore = (): Ledger[] => {
  const collection = `deliveries-${process.pid}-${++collections}`;
  const open = (): Ledger => {
    const ledger = createFirestoreLedger({
      config: { project: 'local-project', database: '(default)', collection, ttlDays: 14 },
      project: () => Promise.reject(new Error('the configuration names the project')),
      fetch: transport.fetch,
      token: () => Promise.reject(new Error('an emulator is not given tokens')),
      now: Date.now,
      log,
    });
    opened.push(ledger);
    return ledger;
  };
  return [open(), open()];
};

const openInMemory = (): Ledger[] => {
  const ledger = createMemoryLedger({ now: Date.now });
  return [ledger, ledger];
};

const suites: [string, () => Ledger[], boolean][] = [
  ['memory', openInMemory, true],
  ['Firestore', openOnFirestore, emulator !== undefined],
];

for (const [name, open, present] of suites) {
  const suite = present ? describe : describe.skip;
  suite(`a ledger in ${name}`, () => {
    let one: Ledger;
    let other: Ledger;
    beforeEach(() => {
      const [first, second] = open();
      if (first === undefined || second === undefined) throw new Error('two instances are needed');
      [one, other] = [first, second];
    });

    test('has no entry for an unclaimed key', async () => {
      expect(await one.read('nothing')).toBeUndefined();
    });

    test('gives a key to the first claim, and its entry to every later one', async () => {
      const first = entryOf('id-1', { plan: { kind: 'create', deep: [[1, [2]]], empty: {} } });
      const claimed = await one.claim('key', first);
      expect(claimed).toEqual({ entry: stored(first), mine: true });
      expect(await other.claim('key', entryOf('id-2'))).toEqual(found(claimed.entry));
      expect(await one.claim('key', entryOf('id-3'))).toEqual(found(claimed.entry));
      expect(await other.read('key')).toEqual(claimed.entry);
    });

    test('tells a later claim the time since the last change of the entry', async () => {
      const { entry } = await one.claim('key', entryOf('id-1'));
      await new Promise((resolve) => setTimeout(resolve, 120));
      const { ageMs = -1 } = await other.claim('key', entryOf('id-2'));
      expect(ageMs).toBeGreaterThanOrEqual(100);
      const changedMs = performance.now();
      await one.record('key', { state: 'claimed', record: 1 }, entry);
      const changed = await other.claim('key', entryOf('id-2'));
      expect(changed.ageMs).toBeLessThanOrEqual(performance.now() - changedMs + 1);
      expect((await one.claim('new', entryOf('id-1'))).ageMs).toBeUndefined();
    });

    test('has one winner among fifty concurrent claims on two instances', async () => {
      const claims = Array.from({ length: 50 }, (_, turn) =>
        (turn % 2 === 0 ? one : other).claim('race', entryOf(`id-${turn}`)),
      );
      const answers = await Promise.all(claims);
      const winners = answers.filter(({ mine }) => mine);
      expect(winners).toHaveLength(1);
      expect(new Set(answers.map(({ entry }) => entry.fileId))).toEqual(new Set([winners[0]?.entry.fileId]));
    });

    test('replaces state and record of the entry that was read, and keeps the rest of the claim', async () => {
      const first = entryOf('id-1', { plan: 1 });
      const claimed = await one.claim('key', first);
      const done = await one.record('key', { state: 'done', record: { receipt: 1 } }, claimed.entry);
      expect(done).toEqual({ entry: stored({ ...first, state: 'done', record: { receipt: 1 } }), mine: true });
      expect(await other.read('key')).toEqual(done.entry);
      const again = await other.record('key', { state: 'claimed' }, done.entry);
      expect(again).toEqual({ entry: stored(entryOf('id-1')), mine: true });
      expect(await one.read('key')).toEqual(again.entry);
      expect((await one.claim('key', entryOf('id-2'))).entry).toEqual(again.entry);
    });

    test('rejects changes based on an outdated version', async () => {
      const { entry } = await one.claim('key', entryOf('id-1', { plan: 1 }));
      const done = await other.record('key', { state: 'done', record: { receipt: 1 } }, entry);
      const late = await one.record('key', { state: 'claimed', record: { plan: 2 } }, entry);
      expect(late).toEqual({ entry: done.entry, mine: false });
      expect(await one.read('key')).toEqual(done.entry);
    });

    test('has one winner among twenty concurrent changes on two instances, and returns it to the others', async () => {
      const { entry } = await one.claim('key', entryOf('id-1'));
      const changes = Array.from({ length: 20 }, (_, turn) =>
        (turn % 2 === 0 ? one : other).record('key', { state: 'done', record: { turn } }, entry),
      );
      const answers = await Promise.all(changes);
      const winners = answers.filter(({ mine }) => mine);
      expect(winners).toHaveLength(1);
      for (const answer of answers) expect(answer.entry).toEqual(winners[0]?.entry);
    });

    test('records nothing under an unclaimed key', async () => {
      const never = stored(entryOf('id-1'), '1.0');
      await expect(one.record('nobody', { state: 'done' }, never)).rejects.toMatchObject({
        code: 'google-unavailable',
      });
      expect(await one.read('nobody')).toBeUndefined();
    });

    test('removes an entry only with its current version', async () => {
      const { entry } = await one.claim('key', entryOf('id-1'));
      const changed = await other.record('key', { state: 'done' }, entry);
      await one.release('key', entry.version);
      expect(await one.read('key')).toEqual(changed.entry);
      await one.release('key', changed.entry.version);
      expect(await other.read('key')).toBeUndefined();
      await one.release('key', changed.entry.version);
      expect((await other.claim('key', entryOf('id-2'))).mine).toBe(true);
    });

    test('stores a copy, which later changes by the caller do not affect', async () => {
      const record = { list: [1] };
      await one.claim('key', entryOf('id-1', record));
      record.list.push(2);
      expect((await one.read('key'))?.record).toEqual({ list: [1] });
    });

    test('accepts keys of any form, and distinguishes every two', async () => {
      const keys = [
        ...[
          '/',
          '..',
          '.',
          'a/b',
          'a//b',
          '__proto__',
          '__key__',
          'constructor',
          '',
          ' ',
          'a',
          'A',
          '🧾',
          '\u00e9',
          'e\u0301',
        ],
        ...['\ud800', '\ud801', '\n', '\0', `${'k'.repeat(4_095)}1`, `${'k'.repeat(4_095)}2`, '%2F', "'; --"],
      ];
      for (const key of keys) {
        expect(await one.claim(key, entryOf(`id of ${JSON.stringify(key)}`))).toMatchObject({ mine: true });
      }
      for (const key of keys) {
        expect(await other.read(key)).toMatchObject({ fileId: `id of ${JSON.stringify(key)}` });
      }
    });

    test('accepts a record of 100 KB, and none above', async () => {
      const record = { text: '🧾'.repeat(25_000) };
      const { entry } = await one.claim('big', entryOf('id-1', record));
      expect((await other.read('big'))?.record).toEqual(record);
      const larger = { text: '🧾'.repeat(26_000) };
      await expect(one.record('big', { state: 'done', record: larger }, entry)).rejects.toMatchObject({
        code: 'internal',
      });
      await expect(one.claim('larger', entryOf('id-1', larger))).rejects.toMatchObject({ code: 'internal' });
      expect(await other.read('larger')).toBeUndefined();
      expect((await other.read('big'))?.record).toEqual(record);
    });
  });
}
