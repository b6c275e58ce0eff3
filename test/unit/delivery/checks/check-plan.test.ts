import { describe, expect, test } from '@jest/globals';
import { planDelivery } from '../../../../src/delivery/checks/check-plan.ts';
import { type Claim, claimPlan, DIGEST_PROPERTY, KEY_PROPERTY, keyMark } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import type { DeliveryContext } from '../../../../src/delivery/resolve-options.ts';
import type { DriveFile } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

/** Plans a delivery again whose key an earlier try has claimed, against a Drive that consists of the given files. */

const KEY = 'delivery:k';
const SENT_SHA256 = 'a'.repeat(64);
const OTHER_SHA256 = 'e'.repeat(64);
const OWN = { [KEY_PROPERTY]: keyMark(KEY), [DIGEST_PROPERTY]: SENT_SHA256 };
const NEW: Plan = { kind: 'create', fileId: 'f1', folderId: 'folder', rule: 'new' };
const REPLACE: Plan = { kind: 'replace', fileId: 'f1', folderId: 'folder', formerRevisionId: 'r1' };

interface Setting {
  plan: Plan;
  file?: DriveFile | undefined;
  found?: DriveFile[];
  revisions?: readonly string[] | undefined;
  onConflict?: 'new' | 'replace' | 'skip' | 'fail' | 'append';
  folderId?: string;
  /** The bytes that the earlier try has noted. */
  sha256?: string;
  convertTo?: 'sheet';
  /** The path of the request. */
  path?: string;
  /** A folder that the courier still takes for the one of the path, and that does not exist any more. */
  deletedFolderId?: string;
  /** Drive shows the planned file only from the second look on: another try makes it at this moment. */
  isLate?: boolean;
}

const planAgain = async (setting: Setting) => {
  const {
    plan,
    file,
    found = [],
    revisions,
    onConflict = 'new',
    folderId,
    sha256,
    convertTo,
    path = '',
    deletedFolderId,
    isLate = false,
  } = setting;
  let looks = 0;
  let isFresh = false;
  const now = (): number => 1_000_000;
  const ledger = createMemoryLedger({ now });
  const files = [...(file === undefined ? [] : [file]), ...found];
  const drive = {
    get: async (id: string) => (isLate && ++looks === 1 ? undefined : files.find((one) => one.id === id)),
    getShared: async (id: string) => files.find((one) => one.id === id),
    async find(id: string) {
      if (id === deletedFolderId) throw new CourierError('folder-not-found');
      return found;
    },
    newId: async () => 'new-id',
    revisions: async () => revisions?.map((id) => ({ id })),
    inspectFolder: async () => undefined,
  };
  const destination = {
    ...{ drive, config: { folder: 'root' } },
    sheets: async () => ({ isMarked: async () => false }),
    folders: {
      async ensure(_: string, __: string, { fresh = false }: { fresh?: boolean }) {
        isFresh ||= fresh;
        return { folderId: (isFresh ? undefined : deletedFolderId) ?? folderId ?? plan.folderId };
      },
    },
  };
  const context = {
    ...{ ledger, now, log: createKeptLog(), context: {}, sleep: async () => undefined },
    request: { name: 'report.csv', path, onConflict, convertTo, rows: {}, details: {}, destination },
    delivery: { source: { mimeType: 'text/csv', size: 3 } },
  } as unknown as DeliveryContext;
  const claimIt = async (): Promise<Claim> => {
    const key = { state: 'free', key: KEY, fingerprint: 'print' } as const;
    const claimed = await claimPlan(context, { state: 'planned', key, plan });
    if (!('claim' in claimed) || claimed.claim === undefined) throw new Error('the key was not claimed');
    return claimed.claim;
  };
  const first = await claimIt();
  if (sha256 !== undefined) await first.commitTo(sha256, plan);
  const claim = await claimIt();
  const planned = await planDelivery(context, { state: 'claimed', claim });
  return { planned, noted: claim.plan() };
};

const planOf = async (setting: Setting) => {
  const { planned, noted } = await planAgain(setting);
  if (planned.state !== 'planned') throw new Error(`it is ${planned.state}`);
  // Every other try of the key carries out the same plan.
  expect(planned.plan).toEqual(noted);
  return { plan: planned.plan, existing: planned.existing?.id };
};

describe('the file that an earlier try of the key has created', () => {
  const inTrash = driveFile({ appProperties: OWN, trashed: true, sha256Checksum: OTHER_SHA256 });
  const kept = { plan: NEW, existing: 'f1' };
  const another = { plan: { ...NEW, fileId: 'new-id' }, existing: undefined };

  test.each<[string, Setting, object]>([
    ['is the one to find', { plan: NEW, file: driveFile({ appProperties: OWN }) }, kept],
    ['is the one to find, also renamed', { plan: NEW, file: driveFile({ appProperties: OWN, name: 'x' }) }, kept],
    [
      'is the one to find in the trash, with its bytes',
      { plan: NEW, file: { ...inTrash, sha256Checksum: SENT_SHA256 }, revisions: ['r2'] },
      kept,
    ],
    [
      'is the one to find, with other bytes and not in the trash',
      { plan: NEW, file: { ...inTrash, trashed: false }, revisions: ['r2'] },
      kept,
    ],
    ['is the one to find in the trash, edited since', { plan: NEW, file: inTrash, revisions: ['r2', 'r3'] }, kept],
    ['is the one to find in the trash, where its revisions are not listed', { plan: NEW, file: inTrash }, kept],
    [
      'is the one to find in the trash, where its bytes are not known',
      { plan: NEW, file: { ...inTrash, appProperties: { [KEY_PROPERTY]: keyMark(KEY) } }, revisions: ['r2'] },
      kept,
    ],
    [
      'is the one to find, although the destination now puts such bytes into a sheet',
      { plan: NEW, file: driveFile({ appProperties: OWN }), onConflict: 'append', convertTo: 'sheet' },
      kept,
    ],
    ['was taken back, with wrong bytes', { plan: NEW, file: inTrash, revisions: ['r2'] }, another],
    [
      'was taken back, by the bytes in the ledger',
      {
        plan: NEW,
        file: { ...inTrash, appProperties: { [KEY_PROPERTY]: keyMark(KEY) } },
        revisions: ['r2'],
        sha256: SENT_SHA256,
      },
      another,
    ],
  ])('%s', async (_, setting, expected) => {
    expect(await planOf(setting)).toEqual(expected);
  });
});

describe('an id that an earlier try has planned', () => {
  test('and that has no file yet is kept', async () => {
    expect(await planOf({ plan: NEW })).toEqual({ plan: NEW, existing: undefined });
  });

  test('and that has no file yet is kept in the folder that the path leads to now', async () => {
    expect(await planOf({ plan: NEW, folderId: 'moved' })).toEqual({
      plan: { ...NEW, folderId: 'moved' },
      existing: undefined,
    });
  });

  test('and that another delivery has used is replaced by another one', async () => {
    expect(await planOf({ plan: NEW, file: driveFile() })).toEqual({
      plan: { ...NEW, fileId: 'new-id' },
      existing: undefined,
    });
  });
});

describe('a file that an earlier try was to replace', () => {
  const written = { plan: REPLACE, onConflict: 'replace', sha256: SENT_SHA256 } as const;
  const renamed = driveFile({ name: 'x' });
  const kept = { plan: REPLACE, existing: 'f1' };
  const created = { plan: expect.objectContaining({ kind: 'create', fileId: 'new-id' }), existing: undefined };

  test.each<[string, Setting, object]>([
    ['is still the target', { plan: REPLACE, onConflict: 'replace', file: driveFile({ headRevisionId: 'r1' }) }, kept],
    ['has the bytes already, and was renamed since', { ...written, file: renamed }, kept],
    ['was renamed before it had the bytes', { plan: REPLACE, onConflict: 'replace', file: renamed }, created],
    ['was renamed, with other bytes', { ...written, file: { ...renamed, sha256Checksum: OTHER_SHA256 } }, created],
    ['was renamed, and had these bytes before', { ...written, file: { ...renamed, headRevisionId: 'r1' } }, created],
    [
      'was renamed, and Drive keeps no checksum',
      { plan: REPLACE, onConflict: 'replace', file: { ...renamed, sha256Checksum: undefined } },
      created,
    ],
    ['is in the trash, with the bytes', { ...written, file: driveFile({ trashed: true }) }, created],
    ['is gone', { ...written }, created],
  ])('%s', async (_, setting, expected) => {
    expect(await planOf(setting)).toEqual(expected);
  });

  test('is not the target where the path leads to another folder now', async () => {
    const file = driveFile({ parents: ['folder', 'moved'] });
    const setting: Setting = { plan: REPLACE, onConflict: 'replace', file, folderId: 'moved' };
    expect(await planOf(setting)).toMatchObject({ plan: { kind: 'create', folderId: 'moved' } });
  });
});

describe('a folder of the path that was deleted a moment ago', () => {
  const setting: Setting = { plan: REPLACE, onConflict: 'replace', deletedFolderId: 'deleted', folderId: 'made-again' };

  test('is looked up again, and the delivery is planned in the folder that is made in its place', async () => {
    const { plan } = await planOf({ ...setting, path: 'reports' });
    expect(plan).toMatchObject({ kind: 'create', folderId: 'made-again', rule: 'replace' });
  });

  test('is an error, if it is the folder of the destination itself', async () => {
    await expect(planOf(setting)).rejects.toMatchObject({ code: 'folder-not-found' });
  });
});

describe('a plan for a name, after a person has put a file of the name there', () => {
  const named: Plan = { ...NEW, rule: 'fail', nameKey: 'file:["folder","report.csv",0]' };

  test('with onConflict=fail ends', async () => {
    const found = [driveFile({ id: 'theirs' })];
    await expect(planAgain({ plan: named, found, onConflict: 'fail' })).rejects.toMatchObject({ code: 'name-taken' });
  });

  test.each(['fail', 'replace', 'skip'] as const)('with onConflict=%s stays, if that is its own file', async (rule) => {
    const plan: Plan = { ...named, rule };
    const found = [driveFile()];
    expect(await planOf({ plan, found, onConflict: rule, isLate: true })).toEqual({ plan, existing: undefined });
  });

  test('with onConflict=replace becomes one for that file', async () => {
    const found = [driveFile({ id: 'theirs' })];
    const setting: Setting = { plan: { ...named, rule: 'replace' }, found, onConflict: 'replace' };
    expect(await planOf(setting)).toMatchObject({ plan: { kind: 'replace', fileId: 'theirs' } });
  });
});

describe('rows for a sheet', () => {
  const SHEET = driveFile({ mimeType: 'application/vnd.google-apps.spreadsheet' });

  test('are planned for the sheet that has the name now', async () => {
    const plan: Plan = { kind: 'appendRows', fileId: '', folderId: 'folder' };
    const setting: Setting = { plan, found: [SHEET], onConflict: 'append', convertTo: 'sheet' };
    expect(await planOf(setting)).toEqual({ plan: { ...plan, fileId: 'f1' } });
  });

  test('are planned where an earlier try has planned a file, because the defaults of the destination have changed', async () => {
    const setting: Setting = { plan: NEW, found: [SHEET], onConflict: 'append', convertTo: 'sheet' };
    expect(await planOf(setting)).toEqual({ plan: { kind: 'appendRows', fileId: 'f1', folderId: 'folder' } });
  });
});
