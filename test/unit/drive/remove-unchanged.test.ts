import { expect, test } from '@jest/globals';
import { FILE, startDrive } from '../../support/drive/answering-drive.ts';
import { driveFile } from '../../support/drive/drive-file.ts';

/** A file with wrong bytes is put into the trash and then deleted, unless somebody has changed it. */

const DESCRIBED = { ...FILE, headRevisionId: 'r1', parents: ['folder'] };
const IN_TRASH = { ...DESCRIBED, trashed: true };

/** @param waitMs how long the deletion waits for its turn @param shown the file after the wait */
const remove = async (waitMs: number, shown: object = IN_TRASH) => {
  let nowMs = 1_000;
  let calls = 0;
  const spend = async (): Promise<void> => {
    calls += 1;
    if (calls === 3) nowMs += waitMs;
  };
  const answers: [number, object][] = [
    [200, DESCRIBED],
    [200, IN_TRASH],
    ...(waitMs > 1_000 ? [[200, shown] as [number, object]] : []),
    [204, {}],
  ];
  const { drive, seen } = await startDrive(answers, { now: () => nowMs, spend });
  const { name, mimeType } = FILE;
  const file = driveFile({ id: 'one', name, mimeType, headRevisionId: 'r1', sha256Checksum: undefined });
  const removed = await drive.removeUnchanged(file, {});
  return { removed, methods: seen.map(({ line }) => line.split(' ')[0]) };
};

test('it is deleted right after it was put into the trash', async () => {
  expect(await remove(1_000)).toEqual({ removed: true, methods: ['GET', 'PATCH', 'DELETE'] });
});

test('it is looked at again if the deletion had to wait', async () => {
  expect(await remove(1_001)).toEqual({ removed: true, methods: ['GET', 'PATCH', 'GET', 'DELETE'] });
});

test.each([
  ['taken it out of the trash', DESCRIBED],
  ['taken it out of the trash, changed it and put it back', { ...IN_TRASH, headRevisionId: 'r2' }],
])('it stays if somebody has %s while the deletion waited', async (_, shown) => {
  expect(await remove(20_000, shown)).toEqual({ removed: false, methods: ['GET', 'PATCH', 'GET'] });
});
