import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../../support/courier/courier-world.ts';

/** A key or an upload stays usable until it has a result, even if the file in Drive changes before. */

const TIMEOUT_MS = 60_000;
const BODY = '12345';
const SHA256 = createHash('sha256').update(BODY).digest('hex');
/** Longer than the courier waits within a request, so it fails at once. */
const UNAVAILABLE = { kind: 'status', status: 503, retryAfterSeconds: 600 } as const;
const NOT_FOUND = { kind: 'status', status: 404, reason: 'notFound' } as const;

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places, world: { emails } }) => ({
    default: { folder: places.sharedDriveFolder, callers: [emails.exporter, emails.stranger] },
  }));
  courier = await world.start();
}, TIMEOUT_MS);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const filesNamed = (name: string) => world.google.drive.files().filter((file) => file.name === name && !file.trashed);

interface Answer {
  status: number;
  code?: string;
  id?: string;
  uploadUrl?: string;
  outcome?: string;
  sha256?: string;
  warnings?: string[];
}

const post = async (path: string, body: object, { key, email }: { key?: string; email?: string } = {}) => {
  const { idToken, emails } = world.google.world;
  const token = idToken({ email: email ?? emails.exporter, audience: 'https://drive-courier.example' });
  const response = await fetch(`${courier.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  });
  return { ...((await response.json()) as object), status: response.status } as Answer;
};

const open = (name: string, key: string, onConflict = 'replace'): Promise<Answer> =>
  post('/v1/uploads', { name, size: BODY.length, mimeType: 'text/plain', onConflict }, { key });

const complete = (id = '', email?: string): Promise<Answer> =>
  post(`/v1/uploads/${encodeURIComponent(id)}/complete`, { sha256: SHA256 }, email === undefined ? {} : { email });

/** Opens an upload twice with its key, which returns one session, and sends its bytes. */
const openAndSend = async (name: string, key: string): Promise<Answer> => {
  const opened = await open(name, key);
  expect(opened).toMatchObject({ status: 201, id: expect.any(String) });
  expect(await open(name, key)).toEqual(opened);
  expect((await fetch(opened.uploadUrl ?? '', { method: 'PUT', body: BODY })).ok).toBe(true);
  return opened;
};

describe('a key whose session could not be opened', () => {
  test('opens one for the file that another delivery has created with the name since', async () => {
    world.google.faults.add({ method: 'POST', path: '/upload/*', fault: UNAVAILABLE });
    expect(await open('made', 'made')).toMatchObject({ status: 503, code: 'drive-unavailable' });
    world.google.faults.clear();
    const query = { name: 'made', onConflict: 'replace' };
    const other = await world.send(courier, 'x', { query });
    expect(other).toMatchObject({ status: 201, receipt: { outcome: 'created' } });

    const { id } = await openAndSend('made', 'made');
    const receipt = await complete(id);
    expect(receipt).toMatchObject({ status: 200, outcome: 'replaced', id: other.receipt.id, sha256: SHA256 });
    expect(receipt.warnings).toBeUndefined();
    expect(await complete(id)).toEqual({ ...receipt, outcome: 'replayed' });
    expect(filesNamed('made')).toMatchObject([{ id: other.receipt.id, sha256: SHA256, revisions: 2 }]);
  });

  test('opens one for a new file if the file to be replaced was deleted since', async () => {
    const former = await world.send(courier, 'x', { query: { name: 'deleted' } });
    world.google.faults.add({ method: 'PATCH', path: '/upload/*', fault: UNAVAILABLE });
    expect(await open('deleted', 'deleted')).toMatchObject({ status: 503, code: 'drive-unavailable' });
    world.google.faults.clear();
    world.google.drive.removeFile(former.receipt.id);

    const { id } = await openAndSend('deleted', 'deleted');
    const receipt = await complete(id);
    expect(receipt).toMatchObject({ status: 201, outcome: 'created', sha256: SHA256 });
    expect(receipt.id).not.toBe(former.receipt.id);
    expect(await complete(id)).toEqual({ ...receipt, status: 200, outcome: 'replayed' });
    expect(filesNamed('deleted')).toMatchObject([{ id: receipt.id, sha256: SHA256, revisions: 1 }]);
  });

  test.each([
    ['fail', 'name-taken'],
    ['skip', 'name-taken'],
  ])('reports that the name is taken now (onConflict %s), and opens one when it is free again', async (rule, code) => {
    const name = `taken-${rule}`;
    world.google.faults.add({ method: 'POST', path: '/upload/*', fault: UNAVAILABLE });
    expect(await open(name, name, rule)).toMatchObject({ status: 503 });
    world.google.faults.clear();
    const other = await world.send(courier, 'x', { query: { name, onConflict: 'replace' } });
    expect(other.status).toBe(201);
    expect(await open(name, name, rule)).toMatchObject({ status: 409, code });
    world.google.drive.removeFile(other.receipt.id);
    expect(await open(name, name, rule)).toMatchObject({ status: 201 });
  });
});

describe('one late "not found" of Drive for an existing file', () => {
  test('does not turn a replacement into another file', async () => {
    const query = { name: 'late', onConflict: 'replace' };
    const { receipt } = await world.send(courier, '1', { query });
    const { id } = receipt;
    world.google.faults.add({ method: 'GET', path: `/drive/v3/files/${id}`, times: 1, fault: NOT_FOUND });
    const again = await world.send(courier, '2', { query });
    expect(world.google.faults.list()).toMatchObject([{ fired: 1 }]);
    expect(again).toMatchObject({ status: 200, receipt: { id, outcome: 'replaced' } });
    expect(filesNamed('late')).toMatchObject([{ id, revisions: 2 }]);
  });

  test.each([1, 2])('does not abandon an upload that is being completed (%i times)', async (times) => {
    const name = `late-upload-${times}`;
    const { id } = await openAndSend(name, name);
    world.google.faults.add({ method: 'GET', path: '/drive/v3/files/*', times, fault: NOT_FOUND });
    const receipt = await complete(id);
    expect(world.google.faults.list()).toMatchObject([{ fired: times }]);
    expect(receipt).toMatchObject({ status: 201, outcome: 'created', sha256: SHA256 });
    expect(receipt.warnings).toBeUndefined();
    world.google.faults.clear();
    expect(await complete(id)).toEqual({ ...receipt, status: 200, outcome: 'replayed' });
    expect(await open(name, name)).toMatchObject({ status: 201, id });
    expect(filesNamed(name)).toMatchObject([{ id: receipt.id, sha256: SHA256, revisions: 1 }]);
  });
});

describe('a replayed receipt', () => {
  test('warns if its file is in the trash or not visible, and is otherwise unchanged', async () => {
    const sending = { key: 'in-trash', query: { name: 'in-trash' } };
    const { receipt } = await world.send(courier, BODY, sending);
    const again = async () => (await world.send(courier, BODY, sending)).receipt;
    expect(receipt.warnings).toBeUndefined();
    expect(await again()).toEqual({ ...receipt, outcome: 'replayed' });
    world.google.drive.setTrashed(receipt.id, true);
    const warned = { ...receipt, outcome: 'replayed', warnings: [expect.stringContaining('trash')] };
    expect([await again(), await again()]).toEqual([warned, warned]);
    world.google.drive.setTrashed(receipt.id, false);
    expect(await again()).toEqual({ ...receipt, outcome: 'replayed' });
    world.google.drive.removeFile(receipt.id);
    expect(await again()).toEqual({ ...warned, warnings: [expect.stringContaining('deleted')] });
    expect(filesNamed('in-trash')).toEqual([]);
  });

  test('warns for an upload session as well', async () => {
    const { id } = await openAndSend('session-in-trash', 'session-in-trash');
    const receipt = await complete(id);
    world.google.drive.setTrashed(receipt.id ?? '', true);
    expect(await complete(id)).toEqual({
      ...{ ...receipt, status: 200, outcome: 'replayed' },
      warnings: [expect.stringContaining('trash')],
    });
  });
});

describe('an upload id that was never issued', () => {
  const KEPT = 'a'.repeat(32);
  let known = '';
  beforeAll(async () => {
    known = (await openAndSend('known', 'known')).id ?? '';
    // The other ids that the ledger keeps for an upload are no upload ids.
    expect(await complete(known)).toMatchObject({ status: 201 });
  });

  test.each([
    ['a verdict of another one', (id: string) => `${id}:verdict`],
    ['a kind of ledger key', (id: string) => `upload:${id}`],
    ['another kind of ledger key', (id: string) => `verdict:${id}`],
    ['one that is too short', (id: string) => id.slice(1)],
    ['one with a slash', (id: string) => `${id}/`],
    ['a path', () => '../../etc/passwd'],
    ['a backslash', () => '..\\files'],
    ['a URL', () => 'https://example.com/?a=b#c'],
    ['letters beyond ASCII', () => 'Zürich-✓-😀'],
    ['as many letters beyond ASCII as an id has', () => 'ü'.repeat(32)],
    ['a lone percent sign', () => '%'],
    ['a null character', () => `${KEPT}\u0000`],
    ['a line break', () => `${KEPT}\n`],
    ['a space', () => ' '],
    ['4 KB', () => 'x'.repeat(4_096)],
    ['4 KB of slashes', () => '/'.repeat(1_365)],
    ['the name of an object’s own property', () => '__proto__'],
    ['the form of an id', () => KEPT],
    ['the form of a UUID', () => '00000000-0000-4000-8000-000000000000'],
  ])('is not found: %s', async (_, idOf) => {
    expect(await complete(idOf(known))).toMatchObject({ status: 404, code: 'not-found' });
  });

  test('is not found when the path contains it unencoded', async () => {
    for (const path of ['a/b', 'a:b', 'a;b', "a'b", '..%2f..', '%C3%28', 'a%00b', '@', '~']) {
      const answer = await post(`/v1/uploads/${path}/complete`, {});
      expect([path, answer.status, answer.code]).toEqual([path, 404, 'not-found']);
    }
  });

  test('belongs to another caller', async () => {
    const { id } = await openAndSend('private', 'private');
    const { stranger } = world.google.world.emails;
    expect(await complete(id, stranger)).toMatchObject({ status: 404, code: 'not-found' });
    expect(await complete(id)).toMatchObject({ status: 201, outcome: 'created' });
  });
});
