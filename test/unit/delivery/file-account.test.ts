import { expect, test } from '@jest/globals';
import { accountMarks, asWriter } from '../../../src/delivery/file-account.ts';
import type { Destination, ResolvedRequest } from '../../../src/delivery/resolve-options.ts';
import type { Drive, DriveFile } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';
import { driveFile } from '../../support/drive/drive-file.ts';

const OWN = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

/** The account that the receipt of the first account's delivery names. */
const accountOf = async (file: Partial<DriveFile>, revisions: Drive['revisions'] = async () => []): Promise<string> => {
  const destinations: Destination[] = [];
  for (const name of ['one', 'two']) {
    const accounts = { name, marks: accountMarks(name), account: () => `${name}@example.com`, all: () => destinations };
    destinations.push({ name: 'reports', drive: { revisions }, accounts } as unknown as Destination);
  }
  const [destination] = destinations;
  const request = { destination } as ResolvedRequest;
  const written = await asWriter(request, { file: driveFile(file), isNew: true, sha256: OWN }, {});
  return written.destination.accounts?.name ?? '';
};

test.each<[string, Partial<DriveFile>, string]>([
  ['has created the file', { sha256Checksum: OWN, appProperties: accountMarks('two').creator }, 'two'],
  [
    'has replaced its bytes',
    { sha256Checksum: OWN, appProperties: { ...accountMarks('one').creator, ...accountMarks('two').writer } },
    'two',
  ],
  ['is in the plan, if the file names none', { sha256Checksum: OWN, appProperties: {} }, 'one'],
  [
    'is in the plan, if the file names one that is not configured',
    { appProperties: accountMarks('three').creator },
    'one',
  ],
])('the account is the one that %s', async (_, file, expected) => {
  expect(await accountOf(file)).toBe(expected);
});

const REPLACED = { sha256Checksum: OTHER, md5Checksum: 'm1', appProperties: accountMarks('one').writer };

test('if others have replaced the bytes since, the revision shows who has written them', async () => {
  const written = { id: 'r1', md5Checksum: 'm1', writer: 'two@example.com' };
  expect(
    await accountOf(REPLACED, async () => [written, { id: 'r2', md5Checksum: 'm2', writer: 'one@example.com' }]),
  ).toBe('two');
});

test.each(['drive-unavailable', 'folder-not-writable'] as const)(
  'a list of revisions that Drive refuses (%s) does not fail the delivery',
  async (code) => {
    expect(await accountOf(REPLACED, () => Promise.reject(new CourierError(code)))).toBe('one');
  },
);
