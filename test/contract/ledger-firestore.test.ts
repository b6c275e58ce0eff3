import { setTimeout as sleep } from 'node:timers/promises';
import { Firestore, Timestamp } from '@google-cloud/firestore';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { createTransport } from '../../src/google/create-transport.ts';
import { createFirestoreLedger } from '../../src/ledger/firestore.ts';
import type { Ledger, LedgerEntry, StoredEntry } from '../../src/ledger/ledger.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { createKeptLog } from '../support/kept-log.ts';
import { type Loss, startLossyRelay } from '../support/network/lossy-relay.ts';

const entryOf = (fileId: string): LedgerEntry => ({ fileId, fingerprint: 'f', state: 'claimed', claimedAtMs: 1 });

const ANY_VERSION = expect.any(String) as unknown as string;

/** An entry as the ledger returns it. */
const stored = (fileId: string, version = ANY_VERSION): StoredEntry => ({
  ...entryOf(fileId),
  version,
});

const emulator = await startFirestoreEmulator();
const host = emulator?.host ?? '127.0.0.1:9';
process.env.FIRESTORE_EMULATOR_HOST = host;
const log = createKeptLog();
const transport = createTransport({ log });

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});
afterAll(async () => {
  // An abandoned call becomes active once more in the library, to get its error.
  await sleep(2_500);
  transport.close();
  await emulator?.stop();
});

let collections = 0;
const newCollection = (): string => `lossy-${process.pid}-${++collections}`;

/** In milliseconds. An emulator that has just started on a busy machine is slow. */
const PATIENT = { callTimeoutMs: 15_000, attemptTimeoutMs: 5_000 };
/** The time limit for calls without any response. */
const IMPATIENT = { callTimeoutMs: 1_500, attemptTimeoutMs: 400 };

/** Google's client, to read the documents themselves. */
const rawClient = (): Firestore => {
  const raw = new Firestore({
    projectId: 'local-project',
    preferRest: true,
    auth: { getClient: async () => ({}), fetch },
  });
  closings.push(() => raw.terminate());
  return raw;
};

const open = (
  collection: string,
  { origin = `http://${host}`, limits = PATIENT, now = (): number => 1_795_000_000_000 } = {},
): Ledger => {
  const ledger = createFirestoreLedger({
    config: { database: '(default)', collection, ttlDays: 14 },
    project: async () => 'local-project',
    fetch: (url, init) => transport.fetch(String(url).replace(`http://${host}`, origin), init),
    token: () => Promise.reject(new Error('an emulator is not given tokens')),
    now,
    log,
    ...limits,
  });
  closings.push(() => ledger.close());
  return ledger;
};

const openThrough = async (
  collection: string,
  lose: (path: string, count: number) => Loss | undefined,
  limits = PATIENT,
) => {
  const relay = await startLossyRelay(`http://${host}`, lose);
  closings.push(() => relay.close());
  return { ledger: open(collection, { origin: relay.origin, limits }), relay };
};

const isCommit = (path: string): boolean => path.includes(':commit');
const unavailable = { code: 'google-unavailable', status: 503, retryable: true };

const suite = emulator === undefined ? describe.skip : describe;
suite('the ledger in Firestore', () => {
  test.each<Loss>(['answer-lost', 'silent', 'unavailable'])(
    'recognizes its own claim when the first response is %s',
    async (loss) => {
      const collection = newCollection();
      let commits = 0;
      const { ledger, relay } = await openThrough(collection, (path) =>
        isCommit(path) && ++commits === 1 ? loss : undefined,
      );
      expect(await ledger.claim('key', entryOf('id-1'))).toEqual({ entry: stored('id-1'), mine: true });
      expect(relay.seen.filter((path) => path === 'commit')).toHaveLength(2);
      expect(await open(collection).claim('key', entryOf('id-2'))).toEqual({
        entry: stored('id-1'),
        mine: false,
        ageMs: expect.any(Number),
      });
    },
  );

  test.each<Loss>(['answer-lost', 'silent', 'unavailable'])(
    'recognizes its own change when the first response is %s',
    async (loss) => {
      const collection = newCollection();
      const { entry } = await open(collection).claim('key', entryOf('id-1'));
      let commits = 0;
      const { ledger } = await openThrough(collection, (path) =>
        isCommit(path) && ++commits === 1 ? loss : undefined,
      );
      const done = await ledger.record('key', { state: 'done', record: { receipt: 1 } }, entry);
      expect(done).toEqual({ entry: { ...stored('id-1'), state: 'done', record: { receipt: 1 } }, mine: true });
      expect(await open(collection).read('key')).toEqual(done.entry);
    },
  );

  test("does not mistake another's change for its own when the response to the losing call is lost", async () => {
    const collection = newCollection();
    const { entry } = await open(collection).claim('key', entryOf('id-1'));
    const theirs = await open(collection).record('key', { state: 'done', record: 'theirs' }, entry);
    let commits = 0;
    const { ledger } = await openThrough(collection, (path) =>
      isCommit(path) && ++commits === 1 ? 'answer-lost' : undefined,
    );
    expect(await ledger.record('key', { state: 'done', record: 'ours' }, entry)).toEqual({
      entry: theirs.entry,
      mine: false,
    });
  });

  test("does not mistake another's claim for its own when the response to the losing call is lost", async () => {
    const collection = newCollection();
    await open(collection).claim('key', entryOf('id-1'));
    let commits = 0;
    const { ledger } = await openThrough(collection, (path) =>
      isCommit(path) && ++commits === 1 ? 'answer-lost' : undefined,
    );
    expect(await ledger.claim('key', entryOf('id-2'))).toEqual({
      entry: stored('id-1'),
      mine: false,
      ageMs: expect.any(Number),
    });
  });

  test('recovers a claim that took effect although every response was lost', async () => {
    const collection = newCollection();
    const { ledger } = await openThrough(collection, () => 'answer-lost', IMPATIENT);
    await expect(ledger.claim('key', entryOf('id-1'))).rejects.toMatchObject(unavailable);
    expect(await open(collection).claim('key', entryOf('id-2'))).toEqual({
      entry: stored('id-1'),
      mine: false,
      ageMs: expect.any(Number),
    });
  });

  test.each<Loss>(['silent', 'unavailable', 'answer-lost'])(
    'stops in time, and sends nothing more, when everything is %s',
    async (loss) => {
      const { ledger, relay } = await openThrough(newCollection(), () => loss, IMPATIENT);
      const startedMs = performance.now();
      const calls = [
        ledger.claim('key', entryOf('id-1')),
        ledger.read('key'),
        ledger.record('key', { state: 'done', record: 1 }, stored('id-1', '1.0')),
        ledger.release('key', '1.0'),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject(unavailable);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
      // A request that was sent in time can arrive at the relay a little later.
      await sleep(300);
      const sent = relay.seen.length;
      expect(sent).toBeGreaterThanOrEqual(4);
      await sleep(1_200);
      expect(relay.seen).toHaveLength(sent);
    },
  );

  test('reports at once that there is no claim to record for', async () => {
    const ledger = open(newCollection());
    await expect(ledger.record('key', { state: 'done' }, stored('id-1', '1.0'))).rejects.toMatchObject(unavailable);
  });

  test('extends the TTL with every change', async () => {
    const collection = newCollection();
    let nowMs = 1_795_000_000_000;
    const ledger = open(collection, { now: () => nowMs });
    const { entry } = await ledger.claim('key', entryOf('id-1'));
    const timeOf = async (): Promise<number> => {
      const [document] = (await rawClient().collection(collection).get()).docs;
      const expireAt: unknown = document?.get('expireAt');
      return expireAt instanceof Timestamp ? expireAt.toMillis() : Number.NaN;
    };
    expect(await timeOf()).toBe(nowMs + 14 * 86_400_000);
    nowMs += 3_600_000;
    await ledger.record('key', { state: 'done' }, entry);
    expect(await timeOf()).toBe(nowMs + 14 * 86_400_000);
  });

  test('stores the TTL, under a name that reveals nothing about the key', async () => {
    const collection = newCollection();
    const ledger = open(collection);
    await ledger.claim('delivery of alice', entryOf('id-1'));
    const [document] = (await rawClient().collection(collection).get()).docs;
    expect(document?.id).toMatch(/^[0-9a-f]{64}$/);
    const expireAt: unknown = document?.get('expireAt');
    expect(expireAt instanceof Timestamp && expireAt.toMillis()).toBe(1_795_000_000_000 + 14 * 86_400_000);
    expect(JSON.stringify(document?.data())).not.toContain('alice');
  });
});

describe('the Firestore ledger without a server', () => {
  const nowhere = 'http://127.0.0.1:9';

  test('returns a transient error from every method', async () => {
    const ledger = open(newCollection(), { origin: nowhere, limits: IMPATIENT });
    await expect(ledger.claim('key', entryOf('id-1'))).rejects.toMatchObject(unavailable);
    await expect(ledger.read('key')).rejects.toMatchObject(unavailable);
    await expect(ledger.record('key', { state: 'done' }, stored('id-1', '1.0'))).rejects.toMatchObject(unavailable);
  });

  test('returns a transient error if the project cannot be determined', async () => {
    for (const project of [
      () => Promise.reject(new Error('no metadata')),
      () => new Promise<string>(() => undefined),
    ]) {
      const ledger = createFirestoreLedger({
        config: { database: '(default)', collection: 'c', ttlDays: 14 },
        project,
        fetch: transport.fetch,
        token: async () => 'ya29.unused',
        now: Date.now,
        log,
        callTimeoutMs: 300,
      });
      await expect(ledger.read('key')).rejects.toMatchObject(unavailable);
    }
  });
});
