import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';
import { startFirestoreEmulator } from '../../../support/firestore-emulator.ts';

const emulator = await startFirestoreEmulator();
const TIMEOUT_MS = 120_000;

let world: CourierWorld;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({ reports: { folder: places.sharedDriveFolder } }));
}, TIMEOUT_MS);
afterAll(async () => {
  await world?.close();
  await emulator?.stop();
});

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name);

const firestore = (collection: string) => ({
  ledger: { firestore: { project: 'local-project', collection } },
  env: { FIRESTORE_EMULATOR_HOST: emulator?.host ?? '' },
});

/** All responses name one file, and one of them created it. */
const expectOnce = (answers: Awaited<ReturnType<CourierWorld['send']>>[], name: string): void => {
  expect(
    answers.map(({ status, code }) => code ?? status).filter((status) => ![200, 201].includes(Number(status))),
  ).toEqual([]);
  expect(filesNamed(name)).toHaveLength(1);
  expect(new Set(answers.map(({ receipt }) => receipt.id))).toEqual(new Set([filesNamed(name)[0]?.id]));
  expect(answers.map(({ receipt }) => receipt.outcome).filter((outcome) => outcome === 'created')).toEqual(['created']);
  expect(answers.map(({ receipt }) => receipt.outcome).filter((outcome) => outcome === 'replayed')).toHaveLength(
    answers.length - 1,
  );
};

describe('one instance', () => {
  let courier: CourierProcess;
  beforeAll(async () => {
    courier = await world.start();
  }, TIMEOUT_MS);

  test('the first request creates the file, a retry with the same key returns the same receipt', async () => {
    const sending = { key: 'one', query: { name: 'one.txt', path: 'a/b' } };
    const first = await world.send(courier, 'hello', sending);
    const second = await world.send(courier, 'hello', sending);
    expect(first).toMatchObject({ status: 201, receipt: { outcome: 'created', sha256: hash('sha256', 'hello') } });
    expect(second).toMatchObject({ status: 200, receipt: { ...first.receipt, outcome: 'replayed' } });
    expectOnce([first, second], 'one.txt');
  });

  test.each([
    ['other bytes', 'goodbye', {}],
    ['another name', 'hello', { name: 'three.txt' }],
    ['another path', 'hello', { path: 'elsewhere' }],
    ['a conversion', 'hello', { convertTo: 'doc' }],
  ])('the same key with %s is rejected, and nothing changes', async (what, body, change) => {
    const key = `reuse-${what.replaceAll(' ', '-')}`;
    const query = { name: `${key}.txt` };
    const first = await world.send(courier, 'hello', { key, query });
    const count = world.google.drive.files().length;
    const second = await world.send(courier, body, { key, query: { ...query, ...change } });
    expect(second).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    expect(world.google.drive.files()).toHaveLength(count);
    expect(filesNamed(query.name)).toMatchObject([
      { id: first.receipt.id, sha256: hash('sha256', 'hello'), revisions: 1 },
    ]);
  });

  test('of two concurrent requests with one key and different bytes, one is delivered and the other rejected', async () => {
    const sending = { key: 'duel', query: { name: 'duel.txt' } };
    const answers = await Promise.all([world.send(courier, 'one', sending), world.send(courier, 'two', sending)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
    expect(filesNamed('duel.txt')).toMatchObject([{ revisions: 1 }]);
  });

  test.each(['replace', 'fail', 'skip'])(
    'of two concurrent requests with one key, different bytes and onConflict=%s, one is delivered and the other rejected',
    async (onConflict) => {
      const name = `duel-${onConflict}.txt`;
      const sending = { key: name, query: { name, onConflict } };
      const answers = await Promise.all([world.send(courier, 'one', sending), world.send(courier, 'two', sending)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
      const [file] = filesNamed(name);
      const winner = answers.find(({ status }) => status === 201);
      expect(file).toMatchObject({ id: winner?.receipt.id, sha256: winner?.receipt.sha256, revisions: 1 });
    },
  );

  test.each([2, 50])('%i concurrent requests with one key create one file', async (count) => {
    const name = `many-${count}.txt`;
    const sending = { key: name, query: { name, path: `many/${count}` } };
    expectOnce(await Promise.all(Array.from({ length: count }, () => world.send(courier, 'same', sending))), name);
    expect(filesNamed(`${count}`)).toHaveLength(1);
  });

  test.each(['replace', 'skip', 'fail'])(
    'fifty concurrent requests with one key and onConflict=%s create one file, once',
    async (onConflict) => {
      const name = `many-${onConflict}.txt`;
      const sending = { key: name, query: { name, onConflict } };
      expectOnce(await Promise.all(Array.from({ length: 50 }, () => world.send(courier, 'same', sending))), name);
      expect(filesNamed(name)).toMatchObject([{ revisions: 1 }]);
    },
  );

  test.each([
    ['too long', 'k'.repeat(256)],
    ['empty', ''],
    ['with a space', 'a b'],
    ['not ASCII', 'k\u00e9y'],
  ])('a key that is %s is rejected', async (_, key) => {
    expect(await world.send(courier, 'x', { key, query: { name: 'never.txt' } })).toMatchObject({
      status: 400,
      code: 'request-invalid',
    });
    expect(filesNamed('never.txt')).toEqual([]);
  });

  test('a key of 255 characters is accepted', async () => {
    const sending = { key: 'k'.repeat(255), query: { name: 'long-key.txt' } };
    expect(await world.send(courier, 'x', sending)).toMatchObject({ status: 201 });
    expect(await world.send(courier, 'x', sending)).toMatchObject({ status: 200 });
  });
});

const suite = emulator === undefined ? describe.skip : describe;
suite('two processes that share Firestore', () => {
  let couriers: CourierProcess[] = [];
  beforeAll(async () => {
    const options = firestore('keys');
    couriers = await Promise.all([world.start(options), world.start(options)]);
  }, TIMEOUT_MS);
  const at = (turn: number): CourierProcess => couriers[turn % couriers.length] as CourierProcess;

  test.each([2, 50])(
    '%i concurrent requests with one key create one file and one folder',
    async (count) => {
      const name = `shared-${count}.txt`;
      const sending = { key: name, query: { name, path: `shared-${count}` } };
      const all = Array.from({ length: count }, (_, turn) => world.insist(() => at(turn), 'same', sending));
      expectOnce(await Promise.all(all), name);
      expect(filesNamed(`shared-${count}`)).toHaveLength(1);
    },
    TIMEOUT_MS,
  );

  test('a delivery by one instance is replayed by the other, which rejects other bytes', async () => {
    const sending = { key: 'across', query: { name: 'across.txt' } };
    const first = await world.send(at(0), 'hello', sending);
    expect(await world.send(at(1), 'hello', sending)).toMatchObject({
      status: 200,
      receipt: { ...first.receipt, outcome: 'replayed' },
    });
    expect(await world.send(at(1), 'other', sending)).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    expect(filesNamed('across.txt')).toMatchObject([{ sha256: hash('sha256', 'hello') }]);
  });

  test(
    'fifty concurrent replacements of one new name without a key end in one file',
    async () => {
      const query = { name: 'latest.txt', onConflict: 'replace' };
      const all = Array.from({ length: 50 }, (_, turn) => world.insist(() => at(turn), `version ${turn}`, { query }));
      const answers = await Promise.all(all);
      expect(new Set(answers.map(({ receipt }) => receipt.id)).size).toBe(1);
      expect(filesNamed('latest.txt')).toMatchObject([{ revisions: 50 }]);
    },
    TIMEOUT_MS,
  );
});

test(
  'without the ledger nothing is delivered, and the error is transient',
  async () => {
    const courier = await world.start({ ...firestore('down'), env: { FIRESTORE_EMULATOR_HOST: '127.0.0.1:9' } });
    const sent = await world.send(courier, 'x', { key: 'down', query: { name: 'down.txt' } });
    expect(sent).toMatchObject({ status: 503, code: 'google-unavailable', retryAfter: expect.stringMatching(/^\d+$/) });
    expect(filesNamed('down.txt')).toEqual([]);
  },
  TIMEOUT_MS,
);
