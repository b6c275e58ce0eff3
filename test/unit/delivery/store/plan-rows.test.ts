import { describe, expect, test } from '@jest/globals';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import type { Planning } from '../../../../src/delivery/plan.ts';
import { planRows, planRowsNow, type RowsPlan } from '../../../../src/delivery/store/plan-rows.ts';
import type { RowOptions } from '../../../../src/domain.ts';
import type { DriveFile } from '../../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../../src/ledger/memory.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const SHEET = driveFile({ id: 's1', mimeType: 'application/vnd.google-apps.spreadsheet' });
const PLAN: RowsPlan = { kind: 'appendRows', fileId: 's1', folderId: 'folder' };
const CLAIM = { key: 'delivery:k' } as Claim;

const planningOf = (found: DriveFile[], rows: RowOptions = {}, isMarked?: boolean): Planning => {
  const now = (): number => Date.parse('2026-11-29T12:00:00Z');
  const getShared = async (id: string) => found.find((file) => file.id === id);
  const drive = { find: async () => found, getShared };
  const destination = { drive, config: {}, sheets: async () => ({ isMarked: async () => isMarked }) };
  return {
    ...{ folderId: 'folder', source: { mimeType: 'text/csv', size: 3 }, context: {}, now },
    ...{ ledger: createMemoryLedger({ now }), log: createKeptLog(), sleep: async () => undefined },
    request: { name: 'report.csv', onConflict: 'append', destination, rows, details: {} },
  } as unknown as Planning;
};

describe('rows', () => {
  test.each<[string, DriveFile[], RowOptions, RowsPlan]>([
    ['go to the sheet of the name', [SHEET], {}, PLAN],
    ['go to a sheet that is still to be made', [], {}, { ...PLAN, fileId: '' }],
    ['of a month go to its tab', [SHEET], { rollover: 'monthly' }, { ...PLAN, tab: '2026-11' }],
    ['of a month go to its tab of a name', [SHEET], { rollover: 'monthly', tab: 'A' }, { ...PLAN, tab: 'A 2026-11' }],
  ])('%s', async (_, found, rows, expected) => {
    expect(await planRows(planningOf(found, rows))).toEqual(expected);
  });

  test('are not put into a Google Docs file that is no sheet', async () => {
    const found = [driveFile({ mimeType: 'application/vnd.google-apps.document' })];
    await expect(planRows(planningOf(found))).rejects.toMatchObject({ code: 'name-taken' });
  });
});

describe('rows of a later try', () => {
  const earlier: RowsPlan = { ...PLAN, fileId: 'moved', tab: '2026-10' };

  test('stay in the sheet that has them, even if it was moved', async () => {
    expect(await planRowsNow(planningOf([SHEET], {}, true), CLAIM, earlier)).toEqual(earlier);
  });

  test('go to the sheet of the name where the planned one has none, to the tab of the first try', async () => {
    const planning = planningOf([SHEET], { rollover: 'monthly' }, false);
    expect(await planRowsNow(planning, CLAIM, earlier)).toEqual({ ...PLAN, tab: '2026-10' });
    expect(await planRowsNow(planning, CLAIM, { ...PLAN, fileId: '' })).toEqual(PLAN);
  });
});
