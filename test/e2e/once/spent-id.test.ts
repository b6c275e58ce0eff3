import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../support/courier-world.ts';

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
  'onConflict=%s: bytes that Drive stored wrongly are taken back, and the next try with the key makes one file',
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

test(
  'a file deleted for good before its receipt was recorded is made anew under the key',
  async () => {
    const sending = { key: 'deleted', query: { name: 'deleted' } };
    // The file is made, the answer is lost until the tries are used up.
    world.google.faults.add([
      { path: '/upload/*', nth: 1, fault: { kind: 'answer-lost' } },
      { path: '/upload/*', nth: [2, 3, 4, 5, 6, 7, 8, 9], fault: { kind: 'status', status: 503 } },
      { method: 'GET', path: '/drive/v3/files/*', fault: { kind: 'status', status: 503 } },
    ]);
    const first = await world.send(courier, 'whole', sending);
    expect(first).toMatchObject({ status: 503 });
    const [made] = filesNamed('deleted');
    expect(made).toBeDefined();
    world.google.faults.clear();
    world.google.drive.removeFile(made?.id ?? '');
    const next = await world.insist(() => courier, 'whole', sending);
    expect(next.receipt.id).not.toBe(made?.id);
    expect(filesNamed('deleted')).toMatchObject([{ id: next.receipt.id, sha256 }]);
  },
  TIMEOUT_MS,
);
