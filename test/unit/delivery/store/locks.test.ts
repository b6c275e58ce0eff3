import { expect, test } from '@jest/globals';
import type { Destination } from '../../../../src/delivery/resolve-options.ts';
import { unlock } from '../../../../src/delivery/store/locks.ts';
import { createFakeStep } from '../../../support/drive/fake-upload-step.ts';

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
