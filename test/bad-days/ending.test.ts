import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { type BadDay, MEBIBYTE, noise, startBadDay, summaryOf, waitUntil } from './bad-day.ts';

const TIMEOUT_MS = 240_000;
/** "… and the container has 10 seconds" (run/docs/container-contract#instance-shutdown); a busy machine gets some more here. */
const PLATFORM_MS = 10_000;
const BUSY_MS = 5_000;
const bytes = noise(9 * MEBIBYTE);

const emulator = await startFirestoreEmulator();
afterAll(() => emulator?.stop());

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

/** True once Drive has stored a part of a file. */
const isMidUpload = (): boolean =>
  day.google.calls.list({ method: 'PUT', host: 'www.googleapis.com' }).some(({ status }) => status === 308);

/** A body whose second half waits for the gate. */
const gated = () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 7 * MEBIBYTE);
    await gate;
    yield bytes.subarray(7 * MEBIBYTE);
  };
  return { open, body: ReadableStream.from(pieces()) };
};

const limits = { bufferBytes: 4 * MEBIBYTE };

describe('SIGTERM during an upload', () => {
  const terminate = async (courier: CourierProcess): Promise<{ code: number | null; tookMs: number }> => {
    const startedMs = performance.now();
    const code = await courier.stop();
    return { code, tookMs: performance.now() - startedMs };
  };

  test(
    'an upload that can finish in time succeeds, new requests are not accepted, and the process exits 0',
    async () => {
      const courier = await day.start({ config: { limits } });
      const { open, body } = gated();
      const sending = day.send(courier, 'term-short', body, { key: 'k' });
      await waitUntil(isMidUpload);
      const stopping = terminate(courier);
      await waitUntil(() => courier.lines.some((line) => line.includes('stopping:')));
      await expect(day.send(courier, 'term-late', 'x')).rejects.toThrow();
      open();
      expect(summaryOf(await sending)).toBe('201');
      expect((await stopping).code).toBe(0);
      expect(day.filesOf('term-')).toEqual(['term-short']);
    },
    TIMEOUT_MS,
  );

  test(
    'one that cannot returns 503 shutting-down, leaves no partial file, and the process exits 0 within ten seconds',
    async () => {
      const courier = await day.start({ config: { limits } });
      const { body } = gated();
      const sending = day.send(courier, 'term-long', body, { key: 'k' });
      await waitUntil(isMidUpload);
      const { code, tookMs } = await terminate(courier);
      expect(summaryOf(await sending)).toBe('503 shutting-down Retry-After 1');
      expect([code, day.filesOf('term-')]).toEqual([0, []]);
      expect(tookMs).toBeLessThan(PLATFORM_MS + BUSY_MS);

      const next = await day.start({ config: { limits } });
      expect((await day.insist(() => next, 'term-long', bytes, { key: 'k' })).at(-1)?.status).toBe(201);
      expect(day.filesOf('term-')).toEqual(['term-long']);
    },
    TIMEOUT_MS,
  );

  test(
    'twenty concurrent callers during instance replacements: no request is lost and nothing is duplicated',
    async () => {
      let current = await day.start();
      const names = Array.from({ length: 60 }, (_, index) => `relay-${index}`);
      const queue = names.values();
      const caller = async (): Promise<void> => {
        for (const name of queue) await day.insist(() => current, name, name);
      };
      const sending = Promise.all(Array.from({ length: 20 }, caller));
      const codes: (number | null)[] = [];
      for (let turn = 0; turn < 3; turn++) {
        await sleep(200);
        const ending = current;
        // As on the platform, the new instance takes requests before the old one gets SIGTERM.
        current = await day.start();
        codes.push(await ending.stop());
      }
      await sending;
      expect(codes).toEqual([0, 0, 0]);
      // There is no key and no shared ledger: a stopping instance responds to what it accepted, so that no caller has
      // to retry.
      expect(day.filesOf('relay-')).toEqual(names.toSorted());
    },
    TIMEOUT_MS,
  );
});

const firestore = { firestore: { project: 'local-project', collection: `ending-${process.pid}` } };
const LEDGERS = {
  memory: { starting: { config: { limits } }, testIt: test },
  Firestore: {
    starting: { config: { limits, ledger: firestore }, env: { FIRESTORE_EMULATOR_HOST: emulator?.host ?? '' } },
    testIt: emulator === undefined ? test.skip : test,
  },
};

describe.each(Object.entries(LEDGERS))('kill -9 during an upload, with the ledger in %s', (_, { starting, testIt }) => {
  testIt(
    'the caller hears nothing, nothing half is in Drive, and the same sent again to the next instance is there once',
    async () => {
      const courier = await day.start(starting);
      const { body } = gated();
      const lost = day.send(courier, 'kill-file', body, { key: 'k', path: 'kill/folder' }).catch(() => 'nothing');
      await waitUntil(isMidUpload);
      const gone = once(courier.child, 'exit');
      await courier.kill();
      expect((await gone)[1]).toBe('SIGKILL');
      expect([await lost, day.filesOf('kill-')]).toEqual(['nothing', []]);

      const next = await day.start(starting);
      const sending = { key: 'k', path: 'kill/folder' };
      const [seen] = (await day.insist(() => next, 'kill-file', bytes, sending)).slice(-1);
      expect([seen?.status, seen?.receipt.outcome, seen?.receipt.size]).toEqual([201, 'created', bytes.length]);
      const again = await day.send(next, 'kill-file', bytes, sending);
      expect([summaryOf(again), again.receipt.id]).toEqual(['200', seen?.receipt.id]);
      expect([day.filesOf('kill-'), day.filesOf('folder')]).toEqual([['kill-file'], ['folder']]);
    },
    TIMEOUT_MS,
  );
});
