import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterEach, expect, test } from '@jest/globals';
import { createCourierDrive, sourceOf } from '../../../support/courier/courier-drive.ts';
import { uploadTo } from '../../../support/drive/upload-to.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

/** A Drive that returns no SHA-256, as for old files. */

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

const start = async (stored: Buffer) => {
  const asked: string[] = [];
  const described = {
    ...{ id: 'one', name: 'a', mimeType: 'text/plain', size: String(stored.length), md5Checksum: md5(stored) },
    ...{ createdTime: '2026-11-28T00:00:00Z', modifiedTime: '2026-11-28T00:00:00Z', headRevisionId: 'r1' },
  };
  const server = createServer(async (request, response) => {
    asked.push(request.method ?? '');
    await buffer(request);
    if (request.method === 'DELETE') response.writeHead(204).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(described));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const log = createKeptLog();
  const origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const { drive, transport } = createCourierDrive({ origin, log });
  closers.push(transport.close, () => server.close());
  const upload = (bytes: Buffer) =>
    uploadTo(drive, {
      target: { kind: 'create', file: { id: 'one', name: 'a', mimeType: 'text/plain', folderId: 'folder' } },
      source: sourceOf(bytes),
      maxBytes: 1_000,
    });
  return { upload, log, asked };
};

test('the MD5 of the stored file is compared instead, and that is logged', async () => {
  const { upload, log } = await start(Buffer.from('abc'));
  expect(await upload(Buffer.from('abc'))).toMatchObject({ file: { id: 'one' }, size: 3 });
  expect(log.lines).toEqual([expect.stringMatching(/^warn .*MD5/)]);
});

test('another MD5 means another content, which is removed', async () => {
  const { upload, log, asked } = await start(Buffer.from('abX'));
  await expect(upload(Buffer.from('abc'))).rejects.toMatchObject({ code: 'drive-unavailable' });
  expect(asked).toContain('DELETE');
  expect(log.lines).toContainEqual(expect.stringMatching(/^error .*other bytes than were sent/));
});
