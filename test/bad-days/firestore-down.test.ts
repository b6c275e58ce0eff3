import { createServer } from 'node:http';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { type Loss, startLossyRelay } from '../support/network/lossy-relay.ts';
import { type BadDay, startBadDay, summaryOf } from './bad-day.ts';

const TIMEOUT_MS = 240_000;
const WAIT = '503 google-unavailable Retry-After 5';
const ledger = { firestore: { project: 'local-project', collection: `bad-day-${process.pid}` } };

const emulator = await startFirestoreEmulator();
afterAll(() => emulator?.stop());

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

/** A port on which nothing listens. */
const deadHost = async (): Promise<string> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
};

test(
  'Firestore refuses connections: a delivery with a key returns 503 before it starts; one that needs no ledger succeeds',
  async () => {
    const courier = await day.start({ config: { ledger }, env: { FIRESTORE_EMULATOR_HOST: await deadHost() } });
    const seen = await Promise.all(['a', 'b'].map((name) => day.send(courier, `fs-${name}`, 'x', { key: name })));
    expect(seen.map(summaryOf)).toEqual([WAIT, WAIT]);
    expect(Math.max(...seen.map(({ tookMs }) => tookMs))).toBeLessThan(30_000);
    // Creating a folder once depends on the ledger alone.
    expect(summaryOf(await day.send(courier, 'fs-c', 'x', { path: 'fs-folder' }))).toBe(WAIT);
    expect(day.filesOf('fs-')).toEqual([]);
    // Without a key there is no guarantee that would need the ledger.
    expect(summaryOf(await day.send(courier, 'fs-d', 'x'))).toBe('201');
    expect((await fetch(`${courier.url}/v1/health`)).status).toBe(200);
  },
  TIMEOUT_MS,
);

const testWithEmulator = emulator === undefined ? test.skip : test;

testWithEmulator(
  'Firestore answers 503 for a while: no delivery with a key is begun without it; when it is back, each arrives once',
  async () => {
    let loss: Loss | undefined = 'unavailable';
    const relay = await startLossyRelay(`http://${emulator?.host}`, () => loss);
    try {
      const env = { FIRESTORE_EMULATOR_HOST: new URL(relay.origin).host };
      const courier = await day.start({ config: { ledger }, env });
      const names = ['gone-1', 'gone-2', 'gone-3'];
      const seen = await Promise.all(names.map((name) => day.send(courier, name, name, { key: name })));
      expect([seen.map(summaryOf), day.filesOf('gone-')]).toEqual([[WAIT, WAIT, WAIT], []]);
      loss = undefined;
      const sendAll = () => Promise.all(names.map((name) => day.insist(() => courier, name, name, { key: name })));
      expect((await sendAll()).map((answers) => answers.at(-1)?.receipt.outcome)).toEqual(Array(3).fill('created'));
      expect(day.filesOf('gone-')).toEqual(names);

      // Down again, and silent this time: the results of these keys cannot be looked up, so nothing is reported about
      // them.
      loss = 'silent';
      const silent = await day.send(courier, 'gone-1', 'gone-1', { key: 'gone-1' });
      expect(summaryOf(silent)).toBe(WAIT);
      expect(silent.tookMs).toBeLessThan(60_000);
      loss = undefined;
      expect((await sendAll()).map((answers) => answers.at(-1)?.receipt.outcome)).toEqual(Array(3).fill('replayed'));
      expect(day.filesOf('gone-')).toEqual(names);
    } finally {
      await relay.close();
    }
  },
  TIMEOUT_MS,
);
