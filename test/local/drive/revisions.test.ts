import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, type DriveApi, FOLDER, reasonOf, SHEET } from './drive-api.ts';

let google: LocalGoogle;
let alice: DriveApi;
let bob: DriveApi;

beforeAll(async () => {
  google = await startLocalGoogle();
  alice = apiOf(google, google.world.emails.alice);
  bob = apiOf(google, google.world.emails.bob);
});
afterAll(() => google.close());

/** Uploads bytes to a file with a simple upload. */
const upload = async (id: string, text: string, type: string): Promise<void> => {
  const response = await fetch(`${google.origin}/www.googleapis.com/upload/drive/v3/files/${id}?uploadType=media`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${alice.token}`, 'content-type': type },
    body: text,
  });
  expect(response.status).toBe(200);
};
const withTwo = async (): Promise<{ id: string; revisions: string[] }> => {
  const id = google.drive.putFile({ name: 'f', bytes: 'one', mimeType: 'text/plain', owner: 'alice@example.com' });
  await upload(id, 'second', 'text/csv');
  const { body } = await alice('GET', `/files/${id}/revisions`);
  return { id, revisions: body.revisions.map((revision: { id: string }) => revision.id) };
};

describe('revisions', () => {
  test('oldest first, with their own types, sizes and checksums', async () => {
    const { id } = await withTwo();
    const { body } = await alice('GET', `/files/${id}/revisions`, { query: { fields: '*' } });
    expect(body.revisions).toMatchObject([
      { mimeType: 'text/plain', size: '3', keepForever: false, published: false },
      { mimeType: 'text/csv', size: '6', lastModifyingUser: { emailAddress: 'alice@example.com' } },
    ]);
    const { body: file } = await alice('GET', `/files/${id}`, { query: { fields: 'headRevisionId,md5Checksum' } });
    expect(file).toEqual({ headRevisionId: body.revisions[1].id, md5Checksum: body.revisions[1].md5Checksum });
  });

  test('each can be downloaded', async () => {
    const { id, revisions } = await withTwo();
    const texts = await Promise.all(
      revisions.map((one) => alice('GET', `/files/${id}/revisions/${one}`, { query: { alt: 'media' } })),
    );
    expect(texts.map(({ body }) => body)).toEqual(['one', 'second']);
  });

  test('without the newest the file is what it was before', async () => {
    const { id, revisions } = await withTwo();
    const path = `/files/${id}/revisions/${revisions[1]}`;
    expect((await alice('DELETE', path)).status).toBe(204);
    const query = { fields: 'size,mimeType,headRevisionId' };
    expect((await alice('GET', `/files/${id}`, { query })).body).toEqual({
      size: '3',
      mimeType: 'text/plain',
      headRevisionId: revisions[0],
    });
    expect((await alice('GET', `/files/${id}`, { query: { alt: 'media' } })).body).toBe('one');
    expect(reasonOf(await alice('DELETE', path))).toBe('404 notFound');
  });

  test('the only one stays', async () => {
    const { id, revisions } = await withTwo();
    expect((await alice('DELETE', `/files/${id}/revisions/${revisions[0]}`)).status).toBe(204);
    const refused = await alice('DELETE', `/files/${id}/revisions/${revisions[1]}`);
    expect(reasonOf(refused)).toBe('403 cannotDeleteOnlyRevision');
    expect((await alice('GET', `/files/${id}`, { query: { alt: 'media' } })).body).toBe('second');
  });

  test('kept forever, and counted towards the owner’s quota', async () => {
    const { id, revisions } = await withTwo();
    const path = `/files/${id}/revisions/${revisions[0]}`;
    const used = async () =>
      (await alice('GET', `/files/${id}`, { query: { fields: 'quotaBytesUsed' } })).body.quotaBytesUsed;
    expect(await used()).toBe('6');
    const { body } = await alice('PATCH', path, { query: { fields: 'keepForever' }, body: { keepForever: true } });
    expect(body).toEqual({ keepForever: true });
    expect(await used()).toBe('9');
    expect(reasonOf(await alice('PATCH', path, { body: { published: true } }))).toBe('501 notImplemented');
  });

  test('Docs editors files have revisions without bytes that cannot be deleted; folders have none', async () => {
    const folder = await alice.make({ mimeType: FOLDER });
    expect(reasonOf(await alice('GET', `/files/${folder}/revisions`))).toBe('403 revisionsNotSupported');
    const source = google.drive.putFile({ name: 'x', bytes: 'a', mimeType: 'text/csv', owner: 'alice@example.com' });
    const { body: sheet } = await alice('POST', `/files/${source}/copy`, { body: { mimeType: SHEET } });
    const { body } = await alice('GET', `/files/${sheet.id}/revisions`, { query: { fields: '*' } });
    expect(Object.keys(body.revisions[0]).sort()).toEqual(
      ['exportLinks', 'id', 'kind', 'lastModifyingUser', 'mimeType', 'modifiedTime', 'published'].sort(),
    );
    expect(reasonOf(await alice('DELETE', `/files/${sheet.id}/revisions/${body.revisions[0].id}`))).toBe(
      '403 revisionDeletionNotSupported',
    );
  });

  test('readers see none', async () => {
    const { id, revisions } = await withTwo();
    google.drive.share(id, { email: 'bob@example.com', role: 'reader' });
    expect(reasonOf(await bob('GET', `/files/${id}/revisions`))).toBe('403 insufficientFilePermissions');
    expect(reasonOf(await bob('DELETE', `/files/${id}/revisions/${revisions[0]}`))).toBe(
      '403 insufficientFilePermissions',
    );
  });
});
