import { expect, test } from '@jest/globals';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { keptSession } from '../../../../src/delivery/store/upload-step.ts';
import type { UploadTarget } from '../../../../src/drive/drive.ts';
import { createFakeStep } from '../../../support/drive/fake-upload-step.ts';

const NEW: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
const OF_MAIN: Plan = { ...NEW, credentials: 'main' };
const REPLACE: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder' };
const TO_CREATE: UploadTarget = {
  kind: 'create',
  file: { id: 'f1', name: 'report.csv', mimeType: 'text/csv', folderId: 'folder' },
};
const TO_REPLACE: UploadTarget = { kind: 'replace', id: 'f1', mimeType: 'text/csv' };
const URI = 'https://session';

const stepOf = (plan: Plan, claim: Partial<Claim> | undefined, isReopened = true) => {
  async function* bytes() {
    yield Buffer.from('abc');
  }
  const source = isReopened ? { openAt: bytes, identity: 'gs://bucket/object#1' } : {};
  return createFakeStep({ plan, claim, source }).step;
};

test.each<[string, Plan, UploadTarget, Plan, string | undefined]>([
  ['the file that is created', NEW, TO_CREATE, NEW, URI],
  ['the file that is replaced', REPLACE, TO_REPLACE, REPLACE, URI],
  ['a file of another id', NEW, TO_CREATE, { ...NEW, fileId: 'f2' }, undefined],
  ['another file that is replaced', REPLACE, TO_REPLACE, { ...REPLACE, fileId: 'f2' }, undefined],
  ['a file of the same account', OF_MAIN, TO_CREATE, OF_MAIN, URI],
  ['a file of another account', OF_MAIN, TO_CREATE, { ...NEW, credentials: 'other' }, undefined],
  ['another folder', NEW, TO_CREATE, { ...NEW, folderId: 'other' }, undefined],
  ['a file that was to be created, and is to be replaced now', NEW, TO_CREATE, REPLACE, undefined],
])('a session of an earlier try is resumed only by a try that writes to the same file: %s', async (...given) => {
  const [, earlier, target, plan, expected] = given;
  const first = stepOf(earlier, { key: 'k', mine: true });
  expect(await keptSession(first)).not.toHaveProperty('sessionUri');
  await (await keptSession(first)).keepSession?.(URI, target);
  const later = { ...stepOf(plan, { key: 'k', mine: false }), ledger: first.ledger };
  expect((await keptSession(later)).sessionUri).toBe(expected);
});

test('the newest session is the one that is resumed', async () => {
  const first = stepOf(NEW, { key: 'k', mine: true });
  const { keepSession } = await keptSession(first);
  await keepSession?.('https://older', TO_CREATE);
  await keepSession?.(URI, TO_CREATE);
  const later = { ...stepOf(NEW, { key: 'k', mine: false }), ledger: first.ledger };
  expect((await keptSession(later)).sessionUri).toBe(URI);
});

test('no session is kept without a key, or for bytes that cannot be read again', async () => {
  expect(await keptSession(stepOf(NEW, undefined))).toEqual({});
  expect(await keptSession(stepOf(NEW, { key: 'k', mine: true }, false))).toEqual({});
});
