import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { DriveFile } from '../../../../src/drive/drive.ts';
import { hasSameBytes } from '../../../../src/drive/upload/verify.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const hex = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex');
const WHOLE = { sha256: hex('sha256', 'abc'), size: 3 };

const fileWith = (checksums: Partial<DriveFile>): DriveFile => ({
  ...{ id: 'one', name: 'a', mimeType: 'text/plain', size: 3, parents: [], trashed: false, webViewLink: '' },
  ...{ createdTime: '', modifiedTime: '', headRevisionId: undefined, appProperties: {} },
  ...{ md5Checksum: undefined, sha256Checksum: undefined },
  ...checksums,
});

test.each<[string, Partial<DriveFile>, string | undefined, boolean, RegExp | undefined]>([
  ['the SHA-256', { sha256Checksum: hex('sha256', 'abc') }, undefined, true, undefined],
  [
    'another SHA-256, with any MD5',
    { sha256Checksum: hex('sha256', 'x'), md5Checksum: hex('md5', 'abc') },
    'abc',
    false,
    undefined,
  ],
  ['the MD5 alone', { md5Checksum: hex('md5', 'abc') }, 'abc', true, /compared by its MD5/],
  ['another MD5 alone', { md5Checksum: hex('md5', 'xyz') }, 'abc', false, /compared by its MD5/],
  ['an MD5 of bytes that are no longer held', { md5Checksum: hex('md5', 'xyz') }, undefined, true, /only the size/],
  ['no checksum', {}, 'abc', true, /only the size/],
  ['another size', { size: 4 }, 'abc', false, undefined],
])('%s', async (_, checksums, bytes, same, logged) => {
  const log = createKeptLog();
  const md5 = async () => (bytes === undefined ? undefined : hex('md5', bytes));
  expect(await hasSameBytes(fileWith(checksums), WHOLE, { md5, log })).toBe(same);
  expect(log.lines).toEqual(logged === undefined ? [] : [expect.stringMatching(logged)]);
});
