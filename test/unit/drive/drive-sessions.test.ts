import { describe, expect, test } from '@jest/globals';
import type { Drive } from '../../../src/drive/drive.ts';
import { type Answer, failureOf, startDrive } from '../../support/drive/answering-drive.ts';

describe('direct sessions', () => {
  test('are opened for a size and last a week by the clock of Drive', async () => {
    const date = 'Sun, 29 Nov 2026 12:00:00 GMT';
    const { drive, seen } = await startDrive([
      (response) => response.writeHead(200, { date, location: 'http://127.0.0.1:1/s?upload_id=secret' }).end(),
    ]);
    const size = 33 * 1024 ** 3;
    const file = { id: 'one', name: 'big', mimeType: 'video/mp4', folderId: 'folder' };
    expect(await drive.openSession(file, size, {})).toEqual({
      sessionUri: 'http://127.0.0.1:1/s?upload_id=secret',
      expiresAtMs: Date.parse(date) + 604_800_000,
    });
    expect(seen[0]).toMatchObject({
      line: 'POST /www.googleapis.com/upload/drive/v3/files',
      query: { uploadType: 'resumable', supportsAllDrives: 'true' },
      body: { id: 'one', name: 'big', mimeType: 'video/mp4', parents: ['folder'] },
    });
  });

  test.each(['bytes=5-99', 'bytes=0-', '0-99,200-300', 'lines=0-9', 'bytes=0-9999999999999999'])(
    'whose Range cannot be parsed (%s) are inconclusive, and never treated as empty',
    async (range) => {
      const { drive } = await startDrive([(response) => response.writeHead(308, { range }).end()]);
      const status = drive.sessionStatus('https://www.googleapis.com/s?upload_id=secret', 500, {});
      expect(await failureOf(status)).toMatchObject({ code: 'drive-unavailable', retryable: true });
    },
  );

  test.each<[string, Answer, unknown]>([
    ['open', (response) => response.writeHead(308, { range: 'bytes=0-99' }).end(), { state: 'open', stored: 100 }],
    ['open and empty', (response) => response.writeHead(308).end(), { state: 'open', stored: 0 }],
    [
      'open, reported without a unit',
      (response) => response.writeHead(308, { range: '0-99' }).end(),
      { state: 'open', stored: 100 },
    ],
    ['done', [200, { id: 'one' }], { state: 'done', fileId: 'one' }],
    ['gone', [404], { state: 'gone' }],
    ['gone', [410], { state: 'gone' }],
    ['of a state that Drive does not report', [400], { state: 'refused' }],
  ])('are %s', async (_, answer, status) => {
    const { drive, seen, log } = await startDrive([answer]);
    // The transport uses a session URI as it is. This one reaches the same server through its origin.
    expect(await drive.sessionStatus('https://www.googleapis.com/s?upload_id=secret', 500, {})).toEqual(status);
    expect(seen[0]?.token).toBeUndefined();
    expect(log.lines.join()).not.toContain('secret');
  });
});

describe('a success status with an invalid body is a transient error', () => {
  const html: Answer = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
  test.each<[string, (drive: Drive) => Promise<unknown>]>([
    ['get', (drive) => drive.get('one', {})],
    ['newId', (drive) => drive.newId({})],
    ['resolveFolder', (drive) => drive.resolveFolder('folder', {})],
    ['imports', (drive) => drive.imports({})],
    ['aboutAccount', (drive) => drive.aboutAccount({})],
  ])('%s', async (_, run) => {
    const { drive } = await startDrive([html]);
    expect(await failureOf(run(drive))).toMatchObject({ code: 'drive-unavailable', retryable: true });
  });

  test('an account without details in Drive’s response is read', async () => {
    const { drive } = await startDrive([[200, {}]]);
    expect(await drive.aboutAccount({})).toEqual({ email: '', storageLimit: undefined, storageUsed: 0 });
  });
});
