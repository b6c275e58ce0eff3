import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf, SHEET } from './drive-api.ts';

let google: LocalGoogle;
let alice: DriveApi;

beforeAll(async () => {
  google = await startLocalGoogle();
  alice = apiOf(google, google.world.emails.alice);
});
afterAll(() => google.close());

const newId = async (): Promise<string> =>
  (await alice('GET', '/files/generateIds', { query: { count: 1 } })).body.ids[0];

describe('pre-generated ids', () => {
  test('as many as requested, ten by default, at most a thousand', async () => {
    expect((await alice('GET', '/files/generateIds')).body.ids).toHaveLength(10);
    const { body } = await alice('GET', '/files/generateIds', {
      query: { count: 1000, space: 'drive', type: 'files' },
    });
    expect(new Set(body.ids).size).toBe(1000);
    expect(reasonOf(await alice('GET', '/files/generateIds', { query: { count: 1001 } }))).toBe('400 invalidParameter');
    expect(reasonOf(await alice('GET', '/files/generateIds', { query: { count: 0 } }))).toBe('400 invalidParameter');
  });

  test.each(['text/plain', FOLDER])('a %s made under one is there once: the repeat is a 409', async (mimeType) => {
    const id = await newId();
    expect(await alice.make({ id, name: 'one', mimeType })).toBe(id);
    const again = await alice('POST', '/files', { body: { id, name: 'two', mimeType } });
    expect(reasonOf(again)).toBe('409 fileIdInUse');
    expect((await alice('GET', `/files/${id}`)).body.name).toBe('one');
  });

  test('of many at the same time, one succeeds', async () => {
    const id = await newId();
    const all = await Promise.all(
      Array.from({ length: 10 }, () => alice('POST', '/files', { body: { id, name: 'race' } })),
    );
    expect(all.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(409)]);
  });

  test('an id that was not generated is not usable', async () => {
    const refused = await alice('POST', '/files', { body: { id: '1abcdefghijklmnopqrstuvwxyz0123456', name: 'x' } });
    expect(reasonOf(refused)).toBe('400 invalid');
    expect(refused.body.error).toMatchObject({
      message: 'The provided file ID is not usable.',
      errors: [{ location: 'file.id' }],
    });
  });

  test('not for Docs editors files', async () => {
    const id = await newId();
    const refused = await alice('POST', '/files', { body: { id, name: 'x', mimeType: SHEET } });
    expect(reasonOf(refused)).toBe('400 generatedIdNotSupported');
  });

  test('the ID of a deleted file cannot be used again', async () => {
    const id = await newId();
    await alice.make({ id, name: 'gone' });
    expect((await alice('DELETE', `/files/${id}`)).status).toBe(204);
    expect(reasonOf(await alice('POST', '/files', { body: { id, name: 'x' } }))).toBe('409 fileIdInUse');
  });

  test('an id cannot be changed', async () => {
    const id = await alice.make({ name: 'x' });
    expect(reasonOf(await alice('PATCH', `/files/${id}`, { body: { id: await newId() } }))).toBe(
      '403 fieldNotWritable',
    );
  });
});
