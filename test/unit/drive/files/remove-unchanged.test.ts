import { expect, test } from '@jest/globals';
import { CourierError } from '../../../../src/errors.ts';
import { type Answer, FILE, refusal, startDrive } from '../../../support/drive/answering-drive.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';

/** A file with wrong bytes is put into the trash and then deleted, unless somebody has changed it. */

const DESCRIBED = { ...FILE, headRevisionId: 'r1', parents: ['folder'] };
const IN_TRASH = { ...DESCRIBED, trashed: true };

interface Setting {
  /** How long the deletion waits for its turn. */
  waitMs?: number;
  /** Drive's answer to that. */
  trash?: Answer;
  /** Drive's answers after the file was put into the trash. */
  afterwards: Answer[];
  beforeSend?: () => void;
}

const remove = async ({ waitMs = 0, trash = [200, IN_TRASH], afterwards, beforeSend }: Setting) => {
  // The transport has the time of the machine.
  let nowMs = Date.now();
  let calls = 0;
  const spend = async (): Promise<void> => {
    calls += 1;
    if (calls === 3) nowMs += waitMs;
  };
  const answers: Answer[] = [[200, DESCRIBED], trash, ...afterwards];
  const { drive, seen, log } = await startDrive(answers, { now: () => nowMs, spend });
  const { name, mimeType } = FILE;
  const file = driveFile({ id: 'one', name, mimeType, headRevisionId: 'r1', sha256Checksum: undefined });
  const removed = await drive
    .removeUnchanged(file, beforeSend === undefined ? {} : { beforeSend })
    .catch(({ code }) => code);
  const changes = seen.filter(({ line }) => line.startsWith('PATCH')).map(({ body }) => body);
  return { removed, methods: seen.map(({ line }) => line.split(' ')[0]), changes, lines: log.lines };
};

test('it is deleted right after it was put into the trash', async () => {
  const { removed, methods } = await remove({ waitMs: 1_000, afterwards: [[204]] });
  expect([removed, methods]).toEqual([true, ['GET', 'PATCH', 'DELETE']]);
});

test('it is looked at again if the deletion had to wait', async () => {
  const { removed, methods } = await remove({ waitMs: 1_001, afterwards: [[200, IN_TRASH], [204]] });
  expect([removed, methods]).toEqual([true, ['GET', 'PATCH', 'GET', 'DELETE']]);
});

test('it is not looked at a second time where somebody has deleted it', async () => {
  const { removed, methods } = await remove({ waitMs: 1_001, afterwards: [[404], [404]] });
  expect([removed, methods]).toEqual([true, ['GET', 'PATCH', 'GET', 'DELETE']]);
});

test('it stays if somebody has taken it out of the trash while the deletion waited', async () => {
  const { removed, methods, lines } = await remove({ waitMs: 20_000, afterwards: [[200, DESCRIBED]] });
  expect([removed, methods]).toEqual([false, ['GET', 'PATCH', 'GET']]);
  expect(lines).toEqual([]);
});

const CHANGES: [string, object][] = [
  ['written to it', { ...IN_TRASH, headRevisionId: 'r2' }],
  ['renamed it', { ...IN_TRASH, name: 'mine' }],
  ['moved it', { ...IN_TRASH, parents: ['theirs'] }],
];

test.each(CHANGES)('it comes out of the trash again if somebody has %s while the deletion waited', async (_, shown) => {
  const { removed, changes, methods, lines } = await remove({
    waitMs: 20_000,
    afterwards: [
      [200, shown],
      [200, shown],
    ],
  });
  expect([removed, methods]).toEqual([false, ['GET', 'PATCH', 'GET', 'PATCH']]);
  expect(changes).toEqual([{ trashed: true }, { trashed: false }]);
  expect(lines).toEqual([expect.stringMatching(/^warn .*taken out of the trash.*one/)]);
});

test.each(CHANGES)('it comes out of the trash again if somebody has %s, and the deletion fails', async (_, shown) => {
  const { removed, changes } = await remove({ afterwards: [refusal(403, 'forbidden'), [200, shown], [200, shown]] });
  expect([removed, changes]).toEqual(['folder-not-writable', [{ trashed: true }, { trashed: false }]]);
});

test.each(CHANGES)('it comes out of the trash again if somebody has %s before it was put there', async (_, shown) => {
  const { removed, methods } = await remove({ trash: [200, shown], afterwards: [[200, shown]] });
  expect([removed, methods]).toEqual([false, ['GET', 'PATCH', 'PATCH']]);
});

test('it comes out of the trash again if somebody has changed it, and the answer that it was put there is lost', async () => {
  const [[, shown] = []] = CHANGES;
  const { removed, methods } = await remove({
    trash: refusal(403, 'forbidden'),
    afterwards: [
      [200, shown],
      [200, shown],
    ],
  });
  expect([removed, methods]).toEqual(['folder-not-writable', ['GET', 'PATCH', 'GET', 'PATCH']]);
});

test('it stays in the trash if the deletion fails and nobody has changed it', async () => {
  const { removed, methods } = await remove({ afterwards: [refusal(403, 'forbidden'), [200, IN_TRASH]] });
  expect([removed, methods]).toEqual(['folder-not-writable', ['GET', 'PATCH', 'DELETE', 'GET']]);
});

test('it is reported if it cannot be taken out of the trash', async () => {
  const [[, shown] = []] = CHANGES;
  const { removed, lines } = await remove({ waitMs: 20_000, afterwards: [[200, shown], refusal(403, 'forbidden')] });
  expect(removed).toBe(false);
  expect(lines).toEqual([expect.stringMatching(/^error .*is in the trash.*one/)]);
});

test('the last check of the caller is made before the deletion even if that did not have to wait', async () => {
  let checks = 0;
  const beforeSend = (): void => {
    checks += 1;
    // The first two are for the look and for the trash.
    if (checks === 3) throw new CourierError('google-unavailable');
  };
  const { removed, methods } = await remove({ afterwards: [[200, IN_TRASH]], beforeSend });
  expect([removed, methods]).toEqual(['google-unavailable', ['GET', 'PATCH', 'GET']]);
});
