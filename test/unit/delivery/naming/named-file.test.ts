import { expect, test } from '@jest/globals';
import { findConverted, rememberConverted, resolveNamedFile } from '../../../../src/delivery/naming/named-file.ts';
import { markMade } from '../../../../src/delivery/naming/names.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { createFakeFiles } from '../../../support/drive/fake-files.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const ROOT = 'root-folder';

const setUp = () => {
  const drive = createFakeFiles();
  const log = createKeptLog();
  const ledger = createMemoryLedger({ now: () => 0 });
  const options = { drive, ledger, folderId: ROOT, name: 'report.csv', context: {}, log, now: () => 0 };
  const resolve = (unusable?: string) =>
    resolveNamedFile({ ...options, ...(unusable === undefined ? {} : { unusable }) });
  /** Does what a delivery does: resolves, creates and marks the file. */
  const make = async (): Promise<string> => {
    const named = await resolve();
    if ('existing' in named) throw new Error('there is one already');
    drive.add({ id: named.claimedId, name: 'report.csv' });
    await markMade(ledger, named.nameKey, log);
    return named.claimedId;
  };
  return { drive, log, ledger, options, resolve, make };
};

test('fifty concurrent requests for a new name get one id', async () => {
  const { resolve } = setUp();
  const named = await Promise.all(Array.from({ length: 50 }, () => resolve()));
  expect(new Set(named.map((one) => ('claimedId' in one ? one.claimedId : '')))).toEqual(
    new Set([expect.stringMatching(/^id-/)]),
  );
});

test('a recently created file is found before searches show it', async () => {
  const { drive, options, resolve } = setUp();
  const named = await resolve();
  const id = 'claimedId' in named ? named.claimedId : '';
  const lagging = { ...drive, find: async () => [] };
  drive.add({ id, name: 'report.csv' });
  expect(await resolveNamedFile({ ...options, drive: lagging })).toMatchObject({ existing: { id } });
});

test('of existing duplicates the oldest is used, with a warning; from then on no search is needed', async () => {
  const { drive, log, resolve } = setUp();
  drive.add({ id: 'older', name: 'report.csv' });
  drive.add({ id: 'younger', name: 'report.csv' });
  expect(await resolve()).toMatchObject({ existing: { id: 'older' } });
  expect(log.lines).toEqual([expect.stringMatching(/^warn several files of one name.*younger/)]);
  expect(await resolve()).toMatchObject({ existing: { id: 'older' } });
  expect(drive.calls.find).toBe(1);
});

test('a deleted file that the search still shows does not count', async () => {
  const { drive, options, resolve } = setUp();
  const stale = drive.add({ id: 'gone', name: 'report.csv' });
  drive.destroy('gone');
  expect(await resolveNamedFile({ ...options, drive: { ...drive, find: async () => [stale] } })).toHaveProperty(
    'claimedId',
  );
  expect(await resolve()).toHaveProperty('claimedId');
});

test.each([
  ['trashed', (drive: ReturnType<typeof createFakeFiles>, id: string) => drive.change(id, { trashed: true })],
  ['moved', (drive, id) => drive.change(id, { parents: ['elsewhere'] })],
  ['renamed', (drive, id) => drive.change(id, { name: 'report-old.csv' })],
  ['deleted permanently', (drive, id) => drive.destroy(id)],
] as [string, (drive: ReturnType<typeof createFakeFiles>, id: string) => void][])(
  'a name whose file was %s gets one new id, for all callers',
  async (_, harm) => {
    const { drive, make, resolve } = setUp();
    const first = await make();
    harm(drive, first);
    const named = await Promise.all(Array.from({ length: 20 }, () => resolve()));
    const ids = new Set(named.map((one) => ('claimedId' in one ? one.claimedId : '')));
    expect(ids.size).toBe(1);
    expect(ids).not.toContain(first);
    expect(await make()).toBe([...ids][0]);
    expect(await resolve()).toMatchObject({ existing: { id: [...ids][0] } });
  },
);

test('an id that Drive neither shows nor accepts is replaced by another one', async () => {
  const { resolve } = setUp();
  const first = await resolve();
  const spent = 'claimedId' in first ? first.claimedId : '';
  const others = await Promise.all([resolve(spent), resolve(spent), resolve(spent)]);
  expect(new Set(others.map((one) => ('claimedId' in one ? one.claimedId : ''))).size).toBe(1);
  expect(others[0]).not.toMatchObject({ claimedId: spent });
  expect(await resolve()).toEqual(others[0]);
});

test('a file and a folder may have one name, and names are separate for each folder', async () => {
  const { options, resolve } = setUp();
  const here = await resolve();
  expect(await resolveNamedFile({ ...options, folderId: 'other' })).not.toEqual(here);
  expect(await resolveNamedFile({ ...options, name: 'Report.csv' })).not.toEqual(here);
  expect(await resolve()).toEqual(here);
});

test('a conversion is found through the ledger before searches show it, until it is removed', async () => {
  const { drive, options } = setUp();
  const lagging = { ...options, drive: { ...drive, find: async () => [] } };
  expect(await findConverted(lagging)).toBeUndefined();
  drive.add({ id: 'sheet-1', name: 'report.csv' });
  await rememberConverted(lagging, 'sheet-1');
  expect(await findConverted(lagging)).toMatchObject({ id: 'sheet-1' });
  drive.change('sheet-1', { trashed: true });
  expect(await findConverted(lagging)).toBeUndefined();
  drive.add({ id: 'sheet-2', name: 'report.csv' });
  await rememberConverted(lagging, 'sheet-2');
  expect(await findConverted(lagging)).toMatchObject({ id: 'sheet-2' });
});

test('a file that a person created after an unused claim is used', async () => {
  const { drive, options, resolve } = setUp();
  await resolve();
  drive.add({ id: 'by-hand', name: 'report.csv' });
  const later = await Promise.all(Array.from({ length: 10 }, () => resolveNamedFile({ ...options, now: () => 2_000 })));
  expect(new Set(later.map((one) => ('existing' in one ? one.existing.id : '')))).toEqual(new Set(['by-hand']));
  expect(await resolve()).toMatchObject({ existing: { id: 'by-hand' } });
});
