import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { apiOf, reasonOf } from './drive-api.ts';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const started = async (dataDir?: string): Promise<LocalGoogle> => {
  const google = await startLocalGoogle(dataDir === undefined ? {} : { dataDir });
  closers.push(google.close);
  return google;
};

test('another process sets up the Drive and counts its files with /_admin', async () => {
  const google = await started();
  const admin = async (verb: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`${google.origin}/_admin/${verb}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const { courier } = google.world.emails;
  const { body: folder } = await admin('createFolder', { name: 'made', owner: 'alice@example.com' });
  const { body: file } = await admin('putFile', { name: 'f', text: 'abc', parent: folder.id, mimeType: 'text/plain' });
  await admin('share', { fileId: folder.id, email: courier, role: 'reader' });
  const api = apiOf(google, courier);
  expect((await api('GET', `/files/${file.id}`)).status).toBe(200);
  const { body } = await admin('files', { folder: folder.id });
  expect(body.files).toMatchObject([
    {
      id: file.id,
      name: 'f',
      size: 3,
      sha256: createHash('sha256').update('abc').digest('hex'),
      parents: [folder.id],
      owner: 'alice@example.com',
      trashed: false,
      revisions: 1,
    },
  ]);
  await admin('setTrashed', { fileId: folder.id, trashed: true });
  expect((await admin('files', { folder: folder.id })).body.files).toMatchObject([{ trashed: true }]);
  await admin('unshare', { fileId: folder.id, email: courier });
  expect((await api('GET', `/files/${file.id}`)).status).toBe(404);
  await admin('removeFile', { fileId: folder.id });
  expect(await admin('files', { folder: folder.id })).toMatchObject({ status: 400 });
  const drive = await admin('createSharedDrive', { name: 'd', members: [{ email: courier, role: 'organizer' }] });
  expect((await api('GET', `/drives/${drive.body.id}`)).status).toBe(200);
  await admin('setLimits', { unitsPerMinutePerUser: 1 });
  expect(reasonOf(await api('GET', `/drives/${drive.body.id}`))).toBe('403 userRateLimitExceeded');
  expect((await admin('createFolder', { name: 'x' })).status).toBe(400);
  expect((await admin('setLimits', { speed: 1 })).status).toBe(400);
});

test('a restart keeps files, bytes, sharing, ids and places', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'drive-restart-'));
  closers.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const first = await startLocalGoogle({ dataDir });
  const api = apiOf(first, first.world.emails.alice);
  const [generated, spent] = (await api('GET', '/files/generateIds', { query: { count: 2 } })).body.ids;
  await api.make({ id: spent, name: 'gone' });
  await api('DELETE', `/files/${spent}`);
  const id = first.drive.putFile({ name: 'kept', bytes: 'kept', parent: first.places.myDriveFolder });
  const count = first.drive.files().length;
  await first.close();

  const second = await started(dataDir);
  expect(second.places).toEqual(first.places);
  expect(second.drive.files()).toHaveLength(count);
  expect(second.drive.bytesOf(id).toString()).toBe('kept');
  expect((await apiOf(second, second.world.emails.courier)('GET', `/files/${id}`)).status).toBe(200);
  const again = apiOf(second, second.world.emails.alice);
  expect(reasonOf(await again('POST', '/files', { body: { id: spent } }))).toBe('409 fileIdInUse');
  expect(await again.make({ id: generated })).toBe(generated);
});
