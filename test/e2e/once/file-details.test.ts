import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type CourierWorld, startCourierWorld } from '../../support/courier/courier-world.ts';

/** The details of a file that a request may set, in Drive; and that they disturb neither keys nor names. */

let world: CourierWorld;
let courier: CourierProcess;
beforeAll(async () => {
  world = await startCourierWorld(({ places }) => ({ default: { folder: places.sharedDriveFolder } }));
  courier = await world.start();
}, 60_000);
afterAll(() => world?.close());

const MODIFIED = '2021-05-01T08:00:00.000Z';
const CREATED = '1999-12-31T23:00:00.000Z';
const TIMES = { modifiedTime: MODIFIED, createdTime: CREATED };
const properties = (all: Record<string, string>) => ({ properties: JSON.stringify(all) });

const send = (body: string, query: Record<string, string>, key?: string) =>
  world.send(courier, body, { query, ...(key === undefined ? {} : { key }) });

const revisionsOf = async (id: string): Promise<(boolean | undefined)[]> => {
  const { emails } = world.google.world;
  const bearer = world.google.world.accessToken(emails.courier, ['https://www.googleapis.com/auth/drive']);
  const address = `/drive/v3/files/${id}/revisions?fields=revisions(keepForever)`;
  const response = await fetch(`${world.google.origin}/www.googleapis.com${address}`, {
    headers: { authorization: `Bearer ${bearer}` },
  });
  const { revisions } = (await response.json()) as { revisions: { keepForever?: boolean }[] };
  return revisions.map(({ keepForever }) => keepForever);
};

test('a new file has the times and properties of its request', async () => {
  const query = { name: 'new.txt', ...TIMES, ...properties({ order: '1', région: '北' }), keepRevisionForever: 'true' };
  const { status, receipt } = await send('a', query);
  expect(status).toBe(201);
  expect(receipt).toMatchObject(TIMES);
  expect(await world.described(receipt.id)).toMatchObject({ ...TIMES, properties: { order: '1', région: '北' } });
  expect(await revisionsOf(receipt.id)).toEqual([true]);
});

test('a replaced file gets the new time and properties, and keeps its creation time and its other properties', async () => {
  const first = await send('a', { name: 'living.txt', ...TIMES, ...properties({ order: '1', kept: 'x' }) });
  const query = { name: 'living.txt', onConflict: 'replace', ...properties({ order: '2' }) };
  const again = { modifiedTime: '2022-01-01T00:00:00.000Z', createdTime: '2022-01-01T00:00:00.000Z' };
  const { receipt } = await send('b', { ...query, ...again, keepRevisionForever: 'true' });
  expect(receipt).toMatchObject({ id: first.receipt.id, outcome: 'replaced', ...again, createdTime: CREATED });
  expect(await world.described(receipt.id)).toMatchObject({ properties: { order: '2', kept: 'x' } });
  expect(await revisionsOf(receipt.id)).toEqual([false, true]);
});

test('a converted file has them too, but its revisions cannot be kept forever', async () => {
  const query = { name: 'table', convertTo: 'sheet', ...TIMES, ...properties({ order: '1' }) };
  const { status, receipt } = await world.send(courier, 'a,b\n', { query, type: 'text/csv', key: 'table' });
  expect(status).toBe(201);
  expect(await world.described(receipt.id)).toMatchObject({ ...TIMES, properties: { order: '1' } });
  const refused = await world.send(courier, 'a,b\n', {
    ...{ query: { ...query, name: 'other', keepRevisionForever: 'true' }, type: 'text/csv' },
  });
  expect([refused.status, refused.code]).toEqual([400, 'request-invalid']);
});

test('other details under one key are the same delivery: the first receipt is repeated, and the file stays', async () => {
  const query = { name: 'keyed.txt', ...properties({ order: '1' }) };
  const first = await send('a', { ...query, ...TIMES }, 'keyed');
  const again = await send(
    'a',
    { ...query, modifiedTime: '2024-01-01T00:00:00Z', ...properties({ order: '2' }) },
    'keyed',
  );
  expect(again.receipt).toEqual({ ...first.receipt, outcome: 'replayed' });
  expect(await world.described(first.receipt.id)).toMatchObject({ ...TIMES, properties: { order: '1' } });
});

test('a file that pretends to be old does not become the one of its name', async () => {
  const first = await send('a', { name: 'report.txt', createdTime: '2030-01-01T00:00:00Z' });
  const pretender = await send('b', { name: 'report.txt', createdTime: '1970-01-01T00:00:00Z' });
  expect(pretender.receipt.id).not.toBe(first.receipt.id);
  const replaced = await send('c', { name: 'report.txt', onConflict: 'replace' });
  expect(replaced.receipt).toMatchObject({ id: first.receipt.id, outcome: 'replaced' });
});

test('a conversion of a name finds the document that was made first, although another one pretends to be older', async () => {
  const convert = (query: Record<string, string>) =>
    world.send(courier, 'a,b\n', { query: { name: 'sheet', convertTo: 'sheet', ...query }, type: 'text/csv' });
  const first = await convert({ createdTime: '2030-01-01T00:00:00Z' });
  await convert({ createdTime: '1970-01-01T00:00:00Z' });
  expect((await convert({ onConflict: 'skip' })).receipt.id).toBe(first.receipt.id);
});

test.each([undefined, 'replace'])('a file of an upload session has them (onConflict %s)', async (onConflict) => {
  const name = `session-${onConflict}.txt`;
  const old = onConflict === undefined ? undefined : await send('old', { name, ...TIMES });
  const { emails } = world.google.world;
  const token = world.google.world.idToken({ email: emails.exporter, audience: 'https://drive-courier.example' });
  const post = async (path: string, body: object) => {
    const response = await fetch(`${courier.url}${path}`, {
      ...{ method: 'POST', body: JSON.stringify(body) },
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    return (await response.json()) as Record<string, string>;
  };
  const details = { modifiedTime: '2022-01-01T00:00:00.000Z', description: 'by session', properties: { order: '9' } };
  const opened = await post('/v1/uploads', {
    ...{ name, mimeType: 'text/plain', size: 3, ...details, createdTime: CREATED, keepRevisionForever: true },
    ...(onConflict === undefined ? {} : { onConflict }),
  });
  expect((await fetch(opened.uploadUrl ?? '', { method: 'PUT', body: 'new' })).ok).toBe(true);
  const receipt = await post(`/v1/uploads/${opened.id}/complete`, {});
  expect(receipt).toMatchObject({ outcome: old === undefined ? 'created' : 'replaced', createdTime: CREATED });
  expect(await world.described(receipt.id ?? '')).toMatchObject(details);
  expect((await revisionsOf(receipt.id ?? '')).at(-1)).toBe(true);
});
