import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { storeFile } from '../../../../src/delivery/store/store-file.ts';
import type { UploadResult } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

const RECEIVED = { sha256: 'a'.repeat(64), size: 3 };
const STORED: UploadResult = { kind: 'stored', file: driveFile(), received: RECEIVED };
const SUPERSEDED: UploadResult = { kind: 'superseded', file: driveFile(), received: RECEIVED };
const NEW: Plan & { kind: 'create' } = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
const REPLACE: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder' };
const SKIP: Plan = { kind: 'skip', fileId: 'f1', folderId: 'folder' };

const bytesOf = (text: string) => ({
  async *open() {
    yield Buffer.from(text);
  },
});

describe('a plan', () => {
  test.each<[string, Plan, string]>([
    ['to create a file', NEW, 'created'],
    ['to replace a file', REPLACE, 'replaced'],
  ])('%s is carried out', async (_, plan, outcome) => {
    const { step, endings } = createFakeStep({ plan, results: [STORED] });
    expect(await storeFile(step, undefined)).toMatchObject({ file: { id: 'f1' }, outcome, warnings: [] });
    // Only a destination with several accounts has leases that may have to end before.
    expect(endings).toEqual([]);
  });
});

describe('a folder that is missing when the bytes are sent', () => {
  const CONVERT: Plan = { kind: 'convert', fileId: '', folderId: 'folder', rule: 'new', target: 'doc' };
  const missing = (): UploadResult => ({ kind: 'folder-missing', error: new CourierError('folder-not-found') });

  test('of a path is looked up again for the next try', async () => {
    const { step, calls } = createFakeStep({ plan: CONVERT, path: 'reports', results: [missing()] });
    await expect(storeFile(step, undefined)).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(calls.filter((call) => call.startsWith('ensure'))).toEqual(['ensure reports']);
  });

  test.each<[string, Plan, object | undefined, string]>([
    [
      'and that Drive shows: it may be tried again',
      CONVERT,
      { canAddChildren: true, trashed: false },
      'drive-unavailable',
    ],
    ['and that Drive shows to a file, too', NEW, { canAddChildren: true, trashed: false }, 'drive-unavailable'],
    ['and that Drive does not show', CONVERT, undefined, 'folder-not-found'],
    ['and that is in the trash', CONVERT, { canAddChildren: true, trashed: true }, 'folder-not-found'],
    ['and that only others may write to', CONVERT, { canAddChildren: false, trashed: false }, 'folder-not-found'],
  ])('of the destination itself %s', async (_, plan, folder, code) => {
    const inspectFolder = async (id: string) => {
      expect(id).toBe('0AbCdEf');
      if (folder === undefined) throw new CourierError('folder-not-found');
      return folder;
    };
    const { step, calls } = createFakeStep({ plan, results: [missing()], driveAnswers: { inspectFolder } });
    await expect(storeFile(step, undefined)).rejects.toMatchObject({ code });
    expect(calls.filter((call) => call.startsWith('ensure'))).toEqual([]);
  });

  test('is in the trash: it is looked up again for the next try as well', async () => {
    const driveAnswers = { startUpload: () => Promise.reject(new CourierError('folder-invalid')) };
    const { step, calls } = createFakeStep({ plan: CONVERT, path: 'reports', driveAnswers });
    await expect(storeFile(step, undefined)).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(calls).toEqual(['ensure reports']);
  });
});

describe('a file that is left unchanged', () => {
  const digest = createHash('sha256').update('abc').digest('hex');

  test.each<[string, string, string, object]>([
    ['with the announced digest', 'abc', digest, { outcome: 'skipped', isNew: false }],
    ['with another digest', 'abd', digest, { code: 'digest-mismatch' }],
    ['with one byte of another digest', 'a', digest, { code: 'digest-mismatch' }],
    ['without any bytes, to ask only for the receipt', '', digest, { outcome: 'skipped' }],
  ])('is answered after bytes %s', async (_, text, expectedSha256, expected) => {
    const { step } = createFakeStep({ plan: SKIP, files: [driveFile()], source: bytesOf(text) });
    const delivery = { ...step.delivery, expectedSha256 };
    const result = await storeFile({ ...step, delivery }, undefined).catch((error: unknown) => error);
    expect(result).toMatchObject(expected);
  });
});

describe('a file of a destination whose files are read-only', () => {
  const config = { readOnly: true };
  const relocked = `restrict f1 by ${STEP_NOW_MS + 15_000}`;
  const fail = (error: CourierError) => ({ startUpload: () => Promise.reject(error) });

  test('is locked again where its replacement failed', async () => {
    const error = new CourierError('drive-full');
    const setting = { plan: REPLACE, config, files: [driveFile()], driveAnswers: fail(error) };
    const { step, calls } = createFakeStep({ ...setting, lock: { isLocked: true, isOwn: true } });
    const kept = { ...step, sleep: () => new Promise<void>(() => undefined) };
    await expect(storeFile(kept, undefined)).rejects.toBe(error);
    expect(calls).toEqual(['lockOf f1', 'unlock f1', relocked]);
  });

  test('is locked again where another try has answered', async () => {
    const receipt = { id: 'f1', sha256: RECEIVED.sha256 };
    const claim = { key: 'k', mine: true, commitTo: async () => ({ receipt }) as never };
    const setting = { plan: REPLACE, config, claim, files: [driveFile()], results: [SUPERSEDED] };
    const { step, calls, requests } = createFakeStep({ ...setting, lock: { isLocked: true, isOwn: true } });
    const { drive } = step.request.destination;
    const { startUpload } = drive;
    drive.startUpload = async (request) => {
      await request.beforeCommit?.(RECEIVED, { kind: 'replace', id: 'f1', mimeType: 'text/csv' });
      return startUpload(request);
    };
    const kept = { ...step, sleep: () => new Promise<void>(() => undefined) };
    expect(await storeFile(kept, undefined)).toMatchObject({ outcome: 'replayed', receipt });
    expect(requests).toHaveLength(1);
    // What another try has answered is not unlocked once more.
    expect(calls).toEqual(['lockOf f1', 'unlock f1', 'close', relocked]);
  });

  test.each<[string, Plan]>([
    ['to replace it', REPLACE],
    ['to create it, or replace one of its name', { ...NEW, rule: 'replace', nameKey: 'name:1' }],
  ])('and that somebody else has locked is the reason why a plan %s fails', async (_, plan) => {
    const refused = new CourierError('folder-not-writable');
    const setting = { plan, driveAnswers: fail(refused), lock: { isLocked: true, isOwn: false } };
    await expect(storeFile(createFakeStep(setting).step, undefined)).rejects.toMatchObject({
      ...{ code: 'name-taken', reason: 'content-restricted' },
    });
  });

  test('is not asked about where a new file could not be created', async () => {
    const refused = new CourierError('folder-not-writable');
    const { step, calls } = createFakeStep({ plan: NEW, driveAnswers: fail(refused) });
    await expect(storeFile(step, undefined)).rejects.toBe(refused);
    expect(calls).toEqual([]);
  });

  test('is not unlocked before it exists', async () => {
    const plan = { ...NEW, rule: 'replace', nameKey: 'name:1' } as const;
    const { step, calls, requests, targets } = createFakeStep({ plan, config, results: [STORED] });
    await storeFile({ ...step, sleep: () => new Promise<void>(() => undefined) }, undefined);
    const [target] = targets;
    if (target !== undefined) await requests[0]?.beforeCommit?.(RECEIVED, target);
    expect([target?.kind, calls]).toEqual(['create', ['close']]);
  });
});
