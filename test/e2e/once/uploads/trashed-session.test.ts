import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** An unconfirmed attempt created a file, and a person moves it to the trash before the next attempt. */

const TIMEOUT_MS = 120_000;
const OBJECT = Buffer.alloc(6 * 1024 * 1024, 'an object ');
const SHA256 = createHash('sha256').update(OBJECT).digest('hex');
const PUT = { method: 'PUT', path: '/upload/*' } as const;

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

const exportAs = async (name: string, onConflict: string) => {
  const { emails } = world.google.world;
  const token = world.google.world.idToken({ email: emails.exporter, audience: 'https://drive-courier.example' });
  const response = await fetch(`${courier.url}/v1/exports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, idempotencyKey: name, onConflict, source }),
  });
  const receipt = (await response.json()) as { id?: string; code?: string; warnings?: string[] };
  return { status: response.status, ...receipt };
};

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name && !file.trashed);

/** Drive stores the bytes, and the delivery fails with an error. */
const exportUnanswered = async (name: string): Promise<void> => {
  world.google.faults.add([
    { ...PUT, nth: 1, fault: { kind: 'answer-lost' } },
    { ...PUT, nth: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], fault: { kind: 'status', status: 503 } },
  ]);
  expect(await exportAs(name, 'replace')).toMatchObject({ status: 503, code: 'drive-unavailable' });
  world.google.faults.clear();
  expect(filesNamed(name)).toMatchObject([{ sha256: SHA256 }]);
};

const makeFile = async (name: string, body: string): Promise<string> => {
  const { status, receipt } = await world.send(courier, body, { query: { name } });
  expect(status).toBe(201);
  return receipt.id;
};

test(
  'a new file in the trash still belongs to its key, and the receipt shows where it is',
  async () => {
    await exportUnanswered('made.bin');
    const id = filesNamed('made.bin')[0]?.id ?? '';
    world.google.drive.setTrashed(id, true);
    expect(await exportAs('made.bin', 'replace')).toMatchObject({ id, warnings: [expect.stringContaining('trash')] });
    expect(filesNamed('made.bin')).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'a replaced file in the trash does not count: the file that now has the name gets the bytes',
  async () => {
    const first = await makeFile('replaced.bin', 'first');
    await exportUnanswered('replaced.bin');
    world.google.drive.setTrashed(first, true);
    const second = await makeFile('replaced.bin', 'second');
    expect(await exportAs('replaced.bin', 'replace')).toMatchObject({ status: 200, id: second });
    expect(filesNamed('replaced.bin')).toMatchObject([{ id: second, sha256: SHA256 }]);
  },
  TIMEOUT_MS,
);
