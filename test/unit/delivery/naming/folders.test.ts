import { expect, test } from '@jest/globals';
import type { CallContext } from '../../../../src/drive/drive.ts';
import { createFolders } from '../../../../src/delivery/naming/folders.ts';
import { CourierError } from '../../../../src/errors.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { createFakeFiles } from '../../../support/drive/fake-files.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const FOLDER_TYPE = 'application/vnd.google-apps.folder';
const ROOT = 'root-folder';

const setUp = () => {
  const clock = { nowMs: 0 };
  const now = (): number => clock.nowMs;
  const drive = createFakeFiles(now);
  const log = createKeptLog();
  const ledger = createMemoryLedger({ now });
  const open = (means: Partial<Parameters<typeof createFolders>[0]> = {}) =>
    createFolders({ drive: drive.other(), ledger, now, log, ...means });
  const named = (name: string) => [...drive.files.values()].filter((file) => file.name === name);
  return { drive, log, clock, ledger, open, named };
};

test('fifty deliveries in two instances create one folder for each segment', async () => {
  const { drive, open, named } = setUp();
  const instances = [open(), open()];
  const found = await Promise.all(
    Array.from({ length: 50 }, (_, turn) => instances[turn % 2]?.ensure(ROOT, 'reports/2026/11', {})),
  );
  expect(new Set(found.map((folder) => folder?.folderId)).size).toBe(1);
  expect(drive.files.size).toBe(4);
  expect(named('11')[0]?.parents).toEqual([named('2026')[0]?.id]);
  expect(named('2026')[0]?.parents).toEqual([named('reports')[0]?.id]);
  expect(drive.calls.createFolder).toBeLessThanOrEqual(6);
});

test('the empty path is the root and needs no lookup', async () => {
  const { drive, open } = setUp();
  expect(await open().ensure(ROOT, '', {})).toEqual({ folderId: ROOT });
  expect(drive.calls).toEqual({});
});

test('an existing folder is used; of duplicates the oldest, with a warning', async () => {
  const { drive, open, log } = setUp();
  drive.add({ id: 'older', name: 'reports', mimeType: FOLDER_TYPE });
  drive.add({ id: 'younger', name: 'reports', mimeType: FOLDER_TYPE });
  expect(await open().ensure(ROOT, 'reports', {})).toEqual({ folderId: 'older' });
  expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([
    expect.stringMatching(/several folders.*older/),
  ]);
  expect(drive.calls.createFolder).toBeUndefined();
});

test('a name is the same in every Unicode form', async () => {
  const { drive, open } = setUp();
  const composed = await open().ensure(ROOT, 'caf\u00e9', {});
  expect(await open().ensure(ROOT, 'cafe\u0301', {})).toEqual(composed);
  expect(drive.files.size).toBe(2);
});

test('a cached folder costs no call while the cache is valid, and one check afterwards', async () => {
  const { drive, open, clock } = setUp();
  const folders = open({ trustMs: 1_000 });
  const first = await folders.ensure(ROOT, 'reports', {});
  const before = { ...drive.calls };
  clock.nowMs = 999;
  expect(await folders.ensure(ROOT, 'reports', {})).toEqual(first);
  expect(drive.calls).toEqual(before);
  clock.nowMs = 1_000;
  expect(await folders.ensure(ROOT, 'reports', {})).toEqual(first);
  expect(drive.calls).toEqual({ ...before, get: (before.get ?? 0) + 1 });
});

test.each([
  ['trashed', (drive: ReturnType<typeof createFakeFiles>, id: string) => drive.change(id, { trashed: true })],
  ['moved', (drive, id) => drive.change(id, { parents: ['elsewhere'] })],
  ['renamed', (drive, id) => drive.change(id, { name: 'reports-old' })],
  ['deleted permanently', (drive, id) => drive.destroy(id)],
] as [string, (drive: ReturnType<typeof createFakeFiles>, id: string) => void][])(
  'a folder that was %s is created again once, across all instances',
  async (_, harm) => {
    const { drive, open } = setUp();
    const instances = [open(), open(), open({ trustMs: 0 })];
    const old = await Promise.all(instances.map((folders) => folders.ensure(ROOT, 'reports', {})));
    // The search continues to show deleted files, as Drive's does.
    drive.index();
    harm(drive, old[0]?.folderId ?? '');
    const again = await Promise.all(
      Array.from({ length: 30 }, (_, turn) => instances[turn % 3]?.ensure(ROOT, 'reports', { fresh: true })),
    );
    const ids = new Set(again.map((folder) => folder?.folderId));
    expect(ids.size).toBe(1);
    expect(ids).not.toContain(old[0]?.folderId);
    expect(drive.calls.createFolder).toBeLessThanOrEqual(1 + 3 + 3);
    expect(await open().ensure(ROOT, 'reports', {})).toEqual(again[0]);
  },
);

test('a folder may be trashed repeatedly; the ledger leads directly to the last one', async () => {
  const { drive, open, ledger } = setUp();
  let folderId = '';
  for (let turn = 0; turn < 6; turn++) {
    ({ folderId } = await open().ensure(ROOT, 'reports', { fresh: true }));
    if (turn < 5) drive.change(folderId, { trashed: true });
  }
  let reads = 0;
  const counting: Ledger = {
    ...ledger,
    read(key) {
      reads += 1;
      return ledger.read(key);
    },
  };
  expect(await open({ ledger: counting }).ensure(ROOT, 'reports', {})).toEqual({ folderId });
  expect(reads).toBe(2);
});

test('a folder that is deleted right after its creation gets another id, once Drive can no longer be hiding it', async () => {
  const { drive, open, ledger, clock } = setUp();
  const forgetful: Ledger = { ...ledger, record: async (_key, _change, entry) => ({ entry, mine: true }) };
  const { folderId } = await open({ ledger: forgetful }).ensure(ROOT, 'reports', {});
  drive.destroy(folderId);
  await expect(open().ensure(ROOT, 'reports', {})).rejects.toMatchObject({ code: 'drive-unavailable' });
  clock.nowMs += 119_999;
  await expect(open().ensure(ROOT, 'reports', {})).rejects.toMatchObject({ code: 'drive-unavailable' });
  clock.nowMs += 1;
  const again = await open().ensure(ROOT, 'reports', {});
  expect(again.folderId).not.toBe(folderId);
  expect(drive.files.get(again.folderId)).toMatchObject({ name: 'reports' });
});

test('an id that is known to be used up is not tried again', async () => {
  const { drive, open } = setUp();
  const { folderId } = await open().ensure(ROOT, 'reports', {});
  drive.destroy(folderId);
  await open().ensure(ROOT, 'reports', {});
  expect(drive.calls.createFolder).toBe(2);
});

test('a folder below one that was deleted a moment ago is created together with that one', async () => {
  const { drive, open, named } = setUp();
  const folders = open();
  const { folderId } = await folders.ensure(ROOT, 'reports', {});
  drive.destroy(folderId);
  const again = await folders.ensure(ROOT, 'reports/2026', {});
  expect(named('2026').map(({ id }) => id)).toEqual([again.folderId]);
  expect(named('2026')[0]?.parents).toEqual([named('reports')[0]?.id]);
});

test('a folder below a new one that Drive shows late is created by the next request', async () => {
  const { drive, open, named } = setUp();
  const other = drive.other();
  let refusals = 1;
  const late = {
    ...other,
    async createFolder(folder: Parameters<typeof other.createFolder>[0], context: CallContext) {
      if (folder.parentId !== ROOT && refusals-- > 0) throw new CourierError('folder-not-found');
      return other.createFolder(folder, context);
    },
  };
  const { folderId } = await open({ drive: late }).ensure(ROOT, 'reports/2026', {});
  expect(named('2026').map(({ id }) => id)).toEqual([folderId]);
  expect(named('reports')).toHaveLength(1);
});

test('folders that are temporarily invisible return, without duplicates', async () => {
  const { drive, open } = setUp();
  const first = await open().ensure(ROOT, 'reports', {});
  const hidden = new Map(drive.files);
  drive.files.clear();
  await expect(open().ensure(ROOT, 'reports', {})).rejects.toMatchObject({ code: 'folder-not-found' });
  for (const [id, file] of hidden) drive.files.set(id, file);
  expect(await open().ensure(ROOT, 'reports', {})).toEqual(first);
});

test('the folder cache is bounded', async () => {
  const { drive, open } = setUp();
  const folders = open({ maxKnown: 2 });
  for (const name of ['a', 'b', 'c']) await folders.ensure(ROOT, name, {});
  const before = drive.calls.get ?? 0;
  await folders.ensure(ROOT, 'c', {});
  expect(drive.calls.get).toBe(before);
  await folders.ensure(ROOT, 'a', {});
  expect(drive.calls.get).toBe(before + 1);
});

test('a cancelled caller leaves without cancelling the others', async () => {
  const { open } = setUp();
  const folders = open();
  const controller = new AbortController();
  const leaving = folders.ensure(ROOT, 'reports', { signal: controller.signal });
  const staying = folders.ensure(ROOT, 'reports', {});
  controller.abort(new Error('the caller went away'));
  await expect(leaving).rejects.toThrow('the caller went away');
  expect(await staying).toEqual({ folderId: expect.stringMatching(/^id-/) });
});

test('a failure is not cached', async () => {
  const { drive, open } = setUp();
  const folders = open();
  const root = drive.files.get(ROOT);
  drive.files.delete(ROOT);
  await expect(folders.ensure(ROOT, 'reports', {})).rejects.toMatchObject({ code: 'folder-not-found' });
  if (root !== undefined) drive.files.set(ROOT, root);
  expect(await folders.ensure(ROOT, 'reports', {})).toEqual({ folderId: expect.any(String) });
});

test('two instances without a shared ledger create duplicates: the ledger is the lock', async () => {
  const { open, named } = setUp();
  const lonely = () => open({ ledger: createMemoryLedger({ now: () => 0 }) });
  await Promise.all([lonely().ensure(ROOT, 'reports', {}), lonely().ensure(ROOT, 'reports', {})]);
  expect(named('reports')).toHaveLength(2);
});

test('the alias of My Drive is resolved to its id', async () => {
  const { drive, open } = setUp();
  drive.add({ id: 'root', mimeType: FOLDER_TYPE });
  const alias = drive.files.get('root');
  if (alias !== undefined) drive.files.set('root', { ...alias, id: ROOT });
  expect(await open().ensure('root', '', {})).toEqual({ folderId: ROOT });
});

/** Creates a folder whose request has to wait for its turn, while something else happens. */
const createAfterWait = async (
  waitMs: number,
  meanwhile: (folders: ReturnType<typeof setUp>) => void,
  searchMs = 0,
) => {
  const setting = setUp();
  const { drive, clock, open } = setting;
  const other = drive.other();
  let isWaiting = true;
  let searches = 0;
  const waiting = {
    ...other,
    async findFolders(...asked: Parameters<typeof other.findFolders>) {
      searches += 1;
      const found = await other.findFolders(...asked);
      clock.nowMs += searchMs;
      return found;
    },
    async createFolder(folder: Parameters<typeof other.createFolder>[0], context: CallContext) {
      if (isWaiting) {
        clock.nowMs += waitMs;
        meanwhile(setting);
      }
      isWaiting = false;
      await context.beforeSend?.();
      return other.createFolder(folder, context);
    },
  };
  const { folderId } = await open({ drive: waiting }).ensure(ROOT, 'reports', {});
  return { ...setting, folderId, searches: () => searches };
};

const personMakesIt = ({ drive }: ReturnType<typeof setUp>): void => {
  drive.add({ id: 'theirs', name: 'reports', mimeType: FOLDER_TYPE });
};

test('a folder that a person makes while the request waits is used, by all deliveries', async () => {
  const { drive, folderId, open, named } = await createAfterWait(3_001, personMakesIt);
  expect([folderId, named('reports').length, drive.calls.createFolder]).toEqual(['theirs', 1, undefined]);
  expect(await open().ensure(ROOT, 'reports', {})).toEqual({ folderId: 'theirs' });
});

test('a folder is not searched for again within three seconds of the answer to the last search', async () => {
  const { searches } = await createAfterWait(3_000, () => undefined, 5_000);
  expect(searches()).toBe(1);
});

test('a folder is searched for again after a longer wait, and then created', async () => {
  const { searches, named, folderId } = await createAfterWait(3_001, () => undefined);
  expect([searches(), named('reports').map(({ id }) => id)]).toEqual([2, [folderId]]);
});

test('the own folder, made by a request whose answer was lost, is not taken for that of a person', async () => {
  const { drive, folderId, named } = await createAfterWait(3_001, ({ drive }) =>
    drive.add({ id: 'id-1', name: 'reports', mimeType: FOLDER_TYPE }),
  );
  expect([folderId, named('reports').length, drive.calls.createFolder]).toEqual(['id-1', 1, 1]);
});
