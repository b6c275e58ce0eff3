import { describe, expect, test } from '@jest/globals';
import { keepWhileHidden } from '../../../../src/delivery/hidden-file.ts';
import {
  type Claim,
  DIGEST_PROPERTY,
  KEY_PROPERTY,
  keyMark,
  TRY_PROPERTY,
} from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { createFile } from '../../../../src/delivery/store/create-file.ts';
import type { UploadResult } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep } from '../../../support/drive/fake-upload-step.ts';

type CreatePlan = Plan & { kind: 'create' };

const NEW: CreatePlan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
const RECEIVED = { sha256: 'a'.repeat(64), size: 3 };
const OTHER_SHA256 = 'e'.repeat(64);
const KEY = 'delivery:k';
const OWN = { [KEY_PROPERTY]: keyMark(KEY) };

const stored = (change: Parameters<typeof driveFile>[0] = {}): UploadResult => ({
  kind: 'stored',
  file: driveFile(change),
  received: RECEIVED,
});

const claimOf = (plan: Plan, change: Partial<Claim> = {}): Partial<Claim> => ({
  ...{ key: KEY, mine: false, plan: () => plan, sha256: () => undefined, refresh: async () => undefined },
  ...change,
});

describe('a new file', () => {
  test('is marked with its key and its try', async () => {
    const { step, targets, requests } = createFakeStep({ plan: NEW, claim: claimOf(NEW), results: [stored()] });
    expect(await createFile(step, NEW, undefined)).toMatchObject({ outcome: 'created', isNew: true });
    const appProperties = { ...OWN, [TRY_PROPERTY]: expect.any(String) };
    expect(targets).toMatchObject([{ kind: 'create', file: { id: 'f1', folderId: 'folder', appProperties } }]);
    expect(requests).toMatchObject([{ digestProperty: DIGEST_PROPERTY, withMd5: true }]);
  });

  test('without a key has neither the mark nor the digest of one, and is not guarded', async () => {
    const { step, targets, requests } = createFakeStep({ plan: NEW, results: [stored()] });
    await createFile(step, NEW, undefined);
    const file = targets[0]?.kind === 'create' ? targets[0].file : undefined;
    expect(Object.keys(file?.appProperties ?? {})).toEqual([TRY_PROPERTY]);
    expect(requests[0]).not.toHaveProperty('digestProperty');
    expect(requests[0]).not.toHaveProperty('beforeCommit');
  });

  test('whose bytes another try has stored is reported as an existing one', async () => {
    const file = driveFile();
    const { step } = createFakeStep({
      ...{ plan: NEW, claim: claimOf(NEW) },
      results: [{ kind: 'superseded', file, received: RECEIVED }],
    });
    expect(await createFile(step, NEW, undefined)).toEqual({
      ...{ file, outcome: 'replayed', isNew: false, received: RECEIVED },
    });
  });

  test('in a folder of the trash is moved to the folder that was made in its place', async () => {
    const file = { trashed: true };
    const { step, calls } = createFakeStep({ plan: NEW, path: 'reports', results: [stored(file)] });
    await createFile(step, NEW, undefined);
    expect(calls).toEqual(['close', 'ensure reports', 'move f1 from folder to fresh']);
  });

  test.each<[string, CreatePlan['rule'], string[]]>([
    ['stays there if the new folder has a file of its name', 'replace', []],
    ['is moved beside a file of its name if each delivery makes its own', 'new', ['move f1 from folder to fresh']],
  ])('in a folder of the trash %s', async (_, rule, moves) => {
    const theirs = driveFile({ id: 'theirs', parents: ['fresh'] });
    const plan: CreatePlan = { ...NEW, rule };
    const find = async (folderId: string) => (folderId === 'fresh' ? [theirs] : []);
    const { step, calls } = createFakeStep({
      ...{ plan, path: 'reports', files: [theirs], driveAnswers: { find } },
      results: [stored({ trashed: true })],
    });
    const { warnings } = await createFile(step, plan, undefined);
    expect(calls.filter((call) => call.startsWith('move'))).toEqual(moves);
    expect(warnings).toEqual(moves.length === 0 ? [expect.any(String)] : undefined);
  });
});

describe('a new file of a name of its own', () => {
  const named = (rule: CreatePlan['rule']): CreatePlan => ({ ...NEW, rule, nameKey: 'name:1' });
  const THEIRS = driveFile({ id: 'theirs' });

  /** Asks the guard of an upload that began long ago, while a person has put a file of the name into the folder. */
  const lastCheck = async (plan: CreatePlan, existing: ReturnType<typeof driveFile> | undefined): Promise<unknown> => {
    const claim = { ...claimOf(plan), commitTo: async () => 'committed' as const };
    const setting = { plan, claim, files: [THEIRS], results: [stored()], driveAnswers: { find: async () => [THEIRS] } };
    const { step, requests, targets } = createFakeStep(setting);
    await createFile({ ...step, plannedAtMs: step.now() - 60_000, sleep: pausing }, plan, existing);
    const [target] = targets;
    if (target === undefined) throw new Error('nothing was sent');
    return Promise.resolve(requests[0]?.beforeCommit?.(RECEIVED, target)).catch((error: unknown) => error);
  };
  /** The lease of a file is not renewed; pauses between looks take no time. */
  const pausing = (ms: number): Promise<void> => (ms <= 3_000 ? Promise.resolve() : new Promise(() => undefined));

  test.each<[CreatePlan['rule'], ReturnType<typeof driveFile> | undefined, object | undefined]>([
    ['fail', undefined, { code: 'drive-unavailable' }],
    ['skip', undefined, { code: 'drive-unavailable' }],
    ['replace', undefined, { code: 'drive-unavailable' }],
    ['fail', driveFile({ appProperties: OWN }), undefined],
    ['new', undefined, undefined],
  ])('is not made beside another one: onConflict=%s, with the own file %j', async (rule, existing, expected) => {
    const outcome = await lastCheck(named(rule), existing);
    if (expected === undefined) expect(outcome).toBeUndefined();
    else expect(outcome).toMatchObject(expected);
  });
});

describe('a missing folder', () => {
  const missing = (): UploadResult => ({ kind: 'folder-missing', error: new CourierError('folder-not-found') });

  test('of a path is made again, and the bytes go there', async () => {
    const { step, targets } = createFakeStep({ plan: NEW, path: 'reports', results: [missing(), stored()] });
    await createFile(step, NEW, undefined);
    expect(targets).toMatchObject([{ file: { folderId: 'folder' } }, { file: { folderId: 'fresh' } }]);
  });

  test('that is made again does not get a file that must be the only one of its name there', async () => {
    const plan: CreatePlan = { ...NEW, rule: 'replace', nameKey: 'name:1' };
    const { step, targets, calls } = createFakeStep({ plan, path: 'reports', results: [missing(), stored()] });
    await expect(createFile(step, plan, undefined)).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(targets).toHaveLength(1);
    // The next try finds the new folder.
    expect(calls).toContain('ensure reports');
  });

  test('of the destination itself is an error', async () => {
    const { step, targets } = createFakeStep({ plan: NEW, results: [missing()] });
    await expect(createFile(step, NEW, undefined)).rejects.toMatchObject({ code: 'folder-not-found' });
    expect(targets).toHaveLength(1);
  });

  test('that is made again under the same id, and is still missing, is an error', async () => {
    const setting = { plan: NEW, path: 'reports', freshFolderId: 'folder', results: [missing(), stored()] };
    const { step, targets } = createFakeStep(setting);
    await expect(createFile(step, NEW, undefined)).rejects.toMatchObject({ code: 'folder-not-found' });
    expect(targets).toHaveLength(1);
  });
});

describe('an id that Drive has a file for', () => {
  const exists = (change: Parameters<typeof driveFile>[0]): UploadResult => ({
    kind: 'exists',
    file: driveFile(change),
  });
  const named = (rule: CreatePlan['rule']): CreatePlan => ({ ...NEW, rule, nameKey: 'name:1' });

  test('of the same key and bytes is a replay', async () => {
    const { step } = createFakeStep({ plan: NEW, claim: claimOf(NEW), results: [exists({ appProperties: OWN })] });
    expect(await createFile(step, NEW, undefined)).toMatchObject({ outcome: 'replayed', isNew: true });
  });

  test('without a key is its own file, whose answer was lost', async () => {
    const { step } = createFakeStep({ plan: NEW, results: [exists({})] });
    expect(await createFile(step, NEW, undefined)).toMatchObject({ outcome: 'created', isNew: true });
  });

  test.each<[string, Partial<Claim>, string]>([
    ['with other bytes is a reused key', {}, 'idempotency-key-reused'],
    ['whose bytes Drive shows wrongly is tried again', { sha256: () => RECEIVED.sha256 }, 'drive-unavailable'],
  ])('of the same key %s', async (_, change, code) => {
    const result = exists({ appProperties: OWN, sha256Checksum: OTHER_SHA256 });
    const { step } = createFakeStep({ plan: NEW, claim: claimOf(NEW, change), results: [result] });
    await expect(createFile(step, NEW, undefined)).rejects.toMatchObject({ code });
  });

  const MD5 = 'b'.repeat(32);

  const REPLAY = { outcome: 'replayed' };
  const AGAIN = { code: 'drive-unavailable' };
  test.each<[string, string, Parameters<typeof driveFile>[0], object, RegExp[]]>([
    ['with the same MD5 is a replay', MD5, {}, REPLAY, [/by its MD5/]],
    ['with another MD5 is tried again', 'c'.repeat(32), {}, AGAIN, [/by its MD5/]],
    ['of another size is tried again', MD5, { size: 4 }, AGAIN, []],
    ['without an MD5 is compared by its size', MD5, { md5Checksum: undefined }, REPLAY, [/only the size/]],
  ])('of the same key, without a SHA-256 and %s', async (_, md5, change, expected, logged) => {
    const result = exists({ appProperties: OWN, sha256Checksum: undefined, ...change });
    const setting = { plan: NEW, claim: claimOf(NEW), results: [result], received: { ...RECEIVED, md5 } };
    const { step, log } = createFakeStep(setting);
    expect(await createFile(step, NEW, undefined).catch((error: unknown) => error)).toMatchObject(expected);
    expect(log.lines).toEqual(logged.map((line) => expect.stringMatching(line)));
  });

  test.each<[CreatePlan['rule'], object]>([
    ['skip', { outcome: 'skipped', isNew: false }],
    ['fail', { code: 'name-taken' }],
  ])('of another delivery to the name follows onConflict=%s', async (rule, result) => {
    const { step } = createFakeStep({ plan: named(rule), results: [exists({})] });
    const outcome = await createFile(step, named(rule), undefined).catch((error: unknown) => error);
    expect(outcome).toMatchObject(result);
  });

  test('of another delivery to the name is written over with onConflict=replace', async () => {
    const plan = named('replace');
    const { step, targets } = createFakeStep({ plan, results: [exists({}), stored()] });
    expect(await createFile(step, plan, undefined)).toMatchObject({ outcome: 'replaced', isNew: false });
    expect(targets).toMatchObject([{ kind: 'create' }, { kind: 'replace', id: 'f1', mimeType: 'text/csv' }]);
  });

  test('of the same key is not written over with onConflict=replace', async () => {
    const plan = named('replace');
    const setting = { plan, claim: claimOf(plan), results: [exists({ appProperties: OWN })] };
    const { step, targets } = createFakeStep(setting);
    expect(await createFile(step, plan, undefined)).toMatchObject({ outcome: 'replayed', isNew: true });
    expect(targets).toHaveLength(1);
  });
});

describe('an id that cannot be used', () => {
  const unusable = (why: 'not-shown' | 'removed'): UploadResult => ({
    ...{ kind: 'id-unusable', why },
    error: new CourierError('drive-unavailable'),
  });
  const revised: Plan[] = [];
  /** @param missedMs since when its file is missed */
  const revisable = (missedMs: number): Partial<Claim> =>
    claimOf(NEW, {
      keepWhileHidden: (now) => keepWhileHidden({ missedSinceMs: now() - missedMs }, async () => undefined, now),
      async revise(plan) {
        revised.push(plan);
        return undefined;
      },
    });

  test.each<[string, 'not-shown' | 'removed', boolean, boolean, number, number]>([
    ['because its file was removed is given up at once', 'removed', true, true, 0, 0],
    ['because Drive does not show its file is kept at first', 'not-shown', false, false, 3, 119_999],
    ['because Drive does not show its file for two minutes is given up', 'not-shown', false, true, 3, 120_000],
    ['is kept where Drive shows its file after all', 'not-shown', true, false, 1, 120_000],
  ])('%s', async (_, why, isShown, isGivenUp, looks, missedMs) => {
    revised.length = 0;
    const files = isShown ? [driveFile()] : [];
    const setting = { plan: NEW, claim: revisable(missedMs), files, results: [unusable(why)] };
    const { step, calls } = createFakeStep(setting);
    await expect(createFile(step, NEW, undefined)).rejects.toMatchObject({ code: 'drive-unavailable' });
    expect(calls.filter((call) => call.startsWith('sleep'))).toHaveLength(looks);
    expect(revised).toEqual(isGivenUp ? [{ ...NEW, fileId: 'new-id' }] : []);
  });
});

describe('a file of the key that is there already', () => {
  const sent = { ...OWN, [DIGEST_PROPERTY]: RECEIVED.sha256 };
  const UNKNOWN = { sha256Checksum: undefined, md5Checksum: undefined };

  test.each<[string, Parameters<typeof driveFile>[0], 'create' | 'replace']>([
    [
      'with other bytes than were sent is written over',
      { appProperties: sent, sha256Checksum: OTHER_SHA256 },
      'replace',
    ],
    ['with the bytes that were sent is found by its id', { appProperties: sent }, 'create'],
    [
      'without a SHA-256 is compared, and written over if it differs, once its bytes are read again',
      { appProperties: sent, sha256Checksum: undefined },
      'replace',
    ],
    ['without a checksum and of another size is written over', { appProperties: sent, ...UNKNOWN, size: 4 }, 'replace'],
    ['without a checksum is found by its id', { appProperties: sent, ...UNKNOWN }, 'create'],
    ['without a SHA-256 is found by its id if nothing is known', { appProperties: OWN, ...UNKNOWN, size: 4 }, 'create'],
    ['with bytes of which nothing is known is found by its id', { appProperties: OWN }, 'create'],
    ['that another key made is found by its id', { appProperties: { ...sent, [KEY_PROPERTY]: 'x' } }, 'create'],
  ])('%s', async (_, change, kind) => {
    const { step, targets } = createFakeStep({ plan: NEW, claim: claimOf(NEW), results: [stored()] });
    await createFile(step, NEW, driveFile(change));
    expect(targets).toMatchObject([{ kind }]);
  });
});
