import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** A redelivery finds its earlier session complete. Others may have changed the file since then. */

const TIMEOUT_MS = 120_000;
const OBJECT = Buffer.alloc(6 * 1024 * 1024, 'an object ');
const SHA256 = createHash('sha256').update(OBJECT).digest('hex');
const PUT_CHUNK = { method: 'PUT', path: '/upload/*' } as const;

let world: CourierWorld;
let courier: CourierProcess;
let source: { gcs: string };
beforeAll(async () => {
  world = await startCourierWorld(({ places, bucket }) => ({
    default: { folder: places.sharedDriveFolder, sources: [`gs://${bucket}/`] },
  }));
  const { bucket, storage } = world.google;
  const { generation } = await storage.putObject(bucket, 'object.bin', OBJECT);
  source = { gcs: `gs://${bucket}/object.bin#${generation}` };
  courier = await world.start();
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

/** The files that are not in the trash. */
const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name && !file.trashed);

const exportAs = async (name: string, options: object = {}) => {
  const token = world.google.world.idToken({
    email: world.google.world.emails.exporter,
    audience: 'https://drive-courier.example',
  });
  const response = await fetch(`${courier.url}/v1/exports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, idempotencyKey: name, source, ...options }),
  });
  const { code, outcome } = (await response.json()) as { code?: string; outcome?: string };
  return { status: response.status, ...(code === undefined ? { outcome } : { code }) };
};

const loseEnd = (): void =>
  void world.google.faults.add([
    { ...PUT_CHUNK, nth: 1, fault: { kind: 'answer-lost' } },
    { ...PUT_CHUNK, nth: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], fault: { kind: 'status', status: 503 } },
  ]);

test(
  'bytes that another key has written to the file since remain, and the first delivery counts as done',
  async () => {
    const options = { onConflict: 'replace' };
    loseEnd();
    expect(await exportAs('replaced', options)).toEqual({ status: 503, code: 'drive-unavailable' });
    world.google.faults.clear();
    const newer = await world.send(courier, 'newer', { key: 'newer', query: { name: 'replaced', ...options } });
    expect(newer).toMatchObject({ status: 200, receipt: { outcome: 'replaced' } });
    expect(await exportAs('replaced', options)).toEqual({ status: 200, outcome: 'replayed' });
    expect(filesNamed('replaced')).toMatchObject([{ id: newer.receipt.id, sha256: newer.receipt.sha256 }]);
  },
  TIMEOUT_MS,
);

test(
  "a person's edit of a file whose delivery was not confirmed remains, and the delivery succeeds",
  async () => {
    loseEnd();
    expect(await exportAs('edited')).toEqual({ status: 503, code: 'drive-unavailable' });
    world.google.faults.clear();
    const [made] = filesNamed('edited');
    await world.changeByHand(made?.id ?? '', 'corrected by hand');
    // Drive's list of revisions shows that the delivery's bytes were stored.
    expect(await exportAs('edited')).toEqual({ status: 200, outcome: 'replayed' });
    expect(filesNamed('edited')).toMatchObject([{ id: made?.id, size: 17, revisions: 2 }]);
  },
  TIMEOUT_MS,
);

test(
  'bytes that Drive corrupted are removed at once, and the next attempt creates the file under another id',
  async () => {
    world.google.faults.add({ ...PUT_CHUNK, nth: 1, fault: { kind: 'corrupt' } });
    expect(await exportAs('corrupt')).toEqual({ status: 503, code: 'drive-unavailable' });
    expect(filesNamed('corrupt')).toEqual([]);
    expect((await exportAs('corrupt')).status).toBe(201);
    expect(await exportAs('corrupt')).toEqual({ status: 200, outcome: 'replayed' });
    expect(filesNamed('corrupt')).toMatchObject([{ sha256: SHA256, revisions: 1 }]);
  },
  TIMEOUT_MS,
);

test(
  'corrupted bytes of an attempt that ended before verification are replaced by the next one',
  async () => {
    world.google.faults.add({ ...PUT_CHUNK, nth: 1, fault: { kind: 'corrupt' } });
    loseEnd();
    expect(await exportAs('unseen')).toEqual({ status: 503, code: 'drive-unavailable' });
    world.google.faults.clear();
    const [wrong] = filesNamed('unseen');
    expect(wrong?.sha256).not.toBe(SHA256);
    expect(await exportAs('unseen')).toEqual({ status: 200, outcome: 'replayed' });
    expect(filesNamed('unseen')).toMatchObject([{ id: wrong?.id, sha256: SHA256 }]);
  },
  TIMEOUT_MS,
);

test(
  'an unconfirmed replacement is not repeated over what another delivery has written since',
  async () => {
    const first = await world.send(courier, 'first', { key: 'first', query: { name: 'over' } });
    loseEnd();
    const options = { onConflict: 'replace' };
    expect(await exportAs('over', options)).toEqual({ status: 503, code: 'drive-unavailable' });
    world.google.faults.clear();
    const newer = { key: 'over-newer', query: { name: 'over', ...options } };
    const { receipt } = await world.send(courier, 'newer', newer);
    expect(receipt).toMatchObject({ outcome: 'replaced' });
    expect(await exportAs('over', options)).toEqual({ status: 200, outcome: 'replayed' });
    expect(filesNamed('over')).toMatchObject([{ id: first.receipt.id, sha256: receipt.sha256, revisions: 3 }]);
  },
  TIMEOUT_MS,
);
