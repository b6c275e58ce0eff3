import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

const TIMEOUT_MS = 120_000;
const sha256 = createHash('sha256').update('whole').digest('hex');

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({ default: { folder: places.sharedDriveFolder } }));
  courier = await world.start();
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name && !file.trashed);

test.each(['new', 'replace', 'skip', 'fail'])(
  'onConflict=%s: corrupted bytes are removed, and the next attempt with the key creates one file',
  async (onConflict) => {
    const name = `corrupt-${onConflict}`;
    const sending = { key: name, query: { name, onConflict } };
    world.google.faults.add({ path: '/upload/*', times: 1, fault: { kind: 'corrupt' } });
    const first = await world.send(courier, 'whole', sending);
    expect(first).toMatchObject({ status: 503, code: 'drive-unavailable' });
    expect(filesNamed(name)).toEqual([]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.insist(() => courier, 'whole', sending)));
    expect(filesNamed(name)).toMatchObject([{ sha256, revisions: 1 }]);
    expect(new Set(answers.map(({ receipt, code }) => code ?? receipt.id))).toEqual(new Set([filesNamed(name)[0]?.id]));
    expect(await world.send(courier, 'other', sending)).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
  },
  TIMEOUT_MS,
);

/** The requests that commit the file's bytes. */
type Upload = { method?: string; path: string };

/** The file is created, its response is lost, and the attempt ends before it can verify it. */
const endUnseen = (upload: Upload = { path: '/upload/*' }): void =>
  void world.google.faults.add([
    { ...upload, nth: 1, fault: { kind: 'answer-lost' } },
    { ...upload, nth: [2, 3, 4, 5, 6, 7, 8, 9], fault: { kind: 'status', status: 503 } },
    { path: '/upload/*', nth: [3, 4, 5, 6, 7, 8, 9, 10], fault: { kind: 'status', status: 503 } },
    { method: 'GET', path: '/drive/v3/files/*', fault: { kind: 'status', status: 503 } },
  ]);

const PUT_CHUNK: Upload = { method: 'PUT', path: '/upload/*' };

const large = Buffer.alloc(6 * 1024 * 1024, 'large ');
const digestOf = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('base64');

test.each([
  ['small', 'whole', {}, undefined],
  ['large, with a digest', large, { 'content-digest': `sha-256=:${digestOf(large)}:` }, PUT_CHUNK],
] as const)(
  'corrupted bytes of an interrupted attempt are replaced by the next one: %s',
  async (name, bytes, headers, upload) => {
    const sending = { key: `unseen-${name.length}`, query: { name }, headers };
    const right = createHash('sha256').update(bytes).digest('hex');
    world.google.faults.add({ ...(upload ?? { path: '/upload/*' }), nth: 1, fault: { kind: 'corrupt' } });
    endUnseen(upload);
    expect(await world.send(courier, bytes, sending)).toMatchObject({ status: 503 });
    const [wrong] = filesNamed(name);
    expect(wrong).toBeDefined();
    expect(wrong?.sha256).not.toBe(right);
    world.google.faults.clear();
    const answers = await Promise.all(Array.from({ length: 5 }, () => world.insist(() => courier, bytes, sending)));
    expect(filesNamed(name)).toMatchObject([{ id: wrong?.id, sha256: right }]);
    expect(new Set(answers.map(({ receipt }) => receipt.sha256))).toEqual(new Set([right]));
    expect(new Set(answers.map(({ receipt }) => receipt.id))).toEqual(new Set([wrong?.id]));
    expect(await world.send(courier, 'other', { ...sending, headers: {} })).toMatchObject({ status: 422 });
  },
  TIMEOUT_MS,
);

test(
  'a file that was changed after an unconfirmed attempt created it stays unchanged, and the delivery succeeds',
  async () => {
    const sending = { key: 'changed', query: { name: 'changed' } };
    endUnseen();
    expect(await world.send(courier, 'whole', sending)).toMatchObject({ status: 503 });
    world.google.faults.clear();
    const [made] = filesNamed('changed');
    await world.changeByHand(made?.id ?? '', 'corrected by hand');
    expect(await world.send(courier, 'whole', sending)).toMatchObject({
      status: 200,
      receipt: { id: made?.id, outcome: 'replayed', sha256 },
    });
    expect(await world.send(courier, 'other', sending)).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    expect(filesNamed('changed')).toMatchObject([{ id: made?.id, revisions: 2 }]);
  },
  TIMEOUT_MS,
);
