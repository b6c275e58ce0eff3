import { describe, expect, test } from '@jest/globals';
import type { Destination } from '../../../../src/delivery/resolve-options.ts';
import { unlock, unlockBeforeCommit } from '../../../../src/delivery/store/locks.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

test.each([
  ['another account of the destination', true],
  ['somebody else', false],
])('a file that is locked by %s', async (_, isOthersOwn) => {
  const lock = { isLocked: true, isOwn: false };
  const { step, calls } = createFakeStep({ plan: { kind: 'replace', fileId: 'f1', folderId: 'folder' }, lock });
  const { destination } = step.request;
  const policy = async () => ({ lockOf: async () => ({ isLocked: true, isOwn: isOthersOwn }) });
  const other = { ...destination, drive: { policy } } as unknown as Destination;
  const accounts = { all: () => [destination, other] } as unknown as NonNullable<Destination['accounts']>;
  const shared = { ...step, request: { ...step.request, destination: { ...destination, accounts } } };
  const unlocked = unlock(shared, 'f1');
  if (isOthersOwn) {
    await unlocked;
    expect(calls).toEqual(['lockOf f1', 'unlock f1']);
  } else {
    await expect(unlocked).rejects.toMatchObject({ code: 'name-taken', reason: 'content-restricted' });
    expect(calls).toEqual(['lockOf f1']);
  }
});

test.each([
  ['restores the restriction if that does not lock new files', false, ['restrict f1 by 1015000']],
  ['leaves that to the destination if that locks all its files', true, []],
])('a delivery whose destination %s', async (_, readOnly, expected) => {
  const { step, calls, endings } = createFakeStep({
    plan: { kind: 'replace', fileId: 'f1', folderId: 'folder' },
    files: [driveFile({ id: 'f1' })],
    config: { readOnly },
    lock: { isLocked: true, isOwn: true },
  });
  await unlock(step, 'f1');
  for (const end of endings) await end();
  expect(calls.slice(2)).toEqual(expected);
});

describe('the checks before a commit', () => {
  const check = async (lockMs: number[], supersededAt?: number) => {
    let nowMs = STEP_NOW_MS;
    let checks = 0;
    const policy = async () => ({
      async lockOf() {
        nowMs += lockMs.shift() ?? 0;
        return undefined;
      },
    });
    const { step } = createFakeStep({
      plan: { kind: 'replace', fileId: 'f1', folderId: 'folder' },
      driveAnswers: { policy },
    });
    const file = driveFile();
    const beforeCommit = unlockBeforeCommit({ ...step, now: () => nowMs }, async () => {
      checks += 1;
      return checks === supersededAt ? { file } : undefined;
    });
    const target = { kind: 'replace', id: 'f1', mimeType: 'text/csv' } as const;
    const superseding = await beforeCommit({ sha256: 'a'.repeat(64), size: 3 }, target);
    return { checks, isSuperseded: superseding !== undefined };
  };

  test.each([
    ['are made once if Drive shows quickly that the file is not locked', [1_000], { checks: 1, isSuperseded: false }],
    ['are made again if that took longer', [1_001], { checks: 2, isSuperseded: false }],
    [
      'do not keep a delivery from ending where Drive is always slow',
      [2_000, 2_000, 2_000],
      { checks: 3, isSuperseded: false },
    ],
  ])('%s', async (_, lockMs, expected) => {
    expect(await check(lockMs)).toEqual(expected);
  });

  test('find what happened while Drive was slow', async () => {
    expect(await check([2_000], 2)).toEqual({ checks: 2, isSuperseded: true });
  });
});
