import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/**
 * A key is reused with other bytes, after an attempt that Drive may or may not have completed and whose response was
 * lost.
 */

const TIMEOUT_MS = 120_000;
const TRIES = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const PUT = { method: 'PUT', path: '/upload/*' } as const;

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({ default: { folder: places.sharedDriveFolder } }));
  courier = await world.start();
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name && !file.trashed);

test.each([
  ['made it', { kind: 'answer-lost' } as const, 1],
  ['did not take it', { kind: 'status', status: 503 } as const, 0],
])(
  'a conversion has the first bytes of its key when Drive %s and the response was an error',
  async (how, fault, made) => {
    const name = `table, ${how}`;
    const sending = { key: `convert-${made}`, type: 'text/csv', query: { name, convertTo: 'sheet' } };
    world.google.faults.add([
      { ...PUT, nth: 1, fault },
      { ...PUT, nth: TRIES, fault: { kind: 'status', status: 503 } },
    ]);
    expect((await world.send(courier, 'a\n1\n', sending)).status).toBe(503);
    world.google.faults.clear();
    expect(await world.send(courier, 'a\n2\n', sending)).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    expect(filesNamed(name)).toHaveLength(made);
  },
  TIMEOUT_MS,
);

test(
  'bytes without a digest are not appended to an earlier attempt: its session is not resumed',
  async () => {
    const { exporter } = world.google.world.emails;
    const token = world.google.world.idToken({ email: exporter, audience: 'https://drive-courier.example' });
    const exportText = async (text: string) => {
      const document = { name: 'whole.txt', idempotencyKey: 'whole', source: { text } };
      const response = await fetch(`${courier.url}/v1/exports`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(document),
      });
      return { status: response.status, json: (await response.json()) as { code?: string; outcome?: string } };
    };
    const size = 20 * 1_048_576;
    const [first, second] = ['a'.repeat(size), 'b'.repeat(size)];
    world.google.faults.add({ ...PUT, nth: TRIES, fault: { kind: 'status', status: 503 } });
    expect((await exportText(first)).status).toBe(503);
    expect(filesNamed('whole.txt')).toEqual([]);
    world.google.faults.clear();
    // The key belongs to its first bytes, which may have been about to become a file.
    expect((await exportText(second)).status).toBe(422);
    expect(filesNamed('whole.txt')).toEqual([]);
    expect((await exportText(first)).status).toBe(201);
    expect(filesNamed('whole.txt')).toMatchObject([{ sha256: hash('sha256', Buffer.from(first)), size, revisions: 1 }]);
  },
  TIMEOUT_MS,
);
