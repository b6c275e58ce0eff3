import { describe, expect, test } from '@jest/globals';
import type { Claim } from '../../../../../src/delivery/idempotency.ts';
import type { Planning } from '../../../../../src/delivery/plan.ts';
import type { Accounts } from '../../../../../src/delivery/resolve-options.ts';
import { planRows, planRowsNow, type RowsPlan } from '../../../../../src/delivery/store/rows/plan-rows.ts';
import type { RowOptions } from '../../../../../src/domain.ts';
import type { DriveFile } from '../../../../../src/drive/drive.ts';
import { createMemoryLedger } from '../../../../../src/ledger/memory.ts';
import type { Sheets } from '../../../../../src/sheets/sheets.ts';
import { driveFile } from '../../../../support/drive/drive-file.ts';
import { createKeptLog } from '../../../../support/kept-log.ts';

const SHEET = driveFile({ id: 's1', mimeType: 'application/vnd.google-apps.spreadsheet' });
const PLAN: RowsPlan = { kind: 'appendRows', fileId: 's1', folderId: 'folder' };
const claimOf = (plan: RowsPlan, change: Partial<Claim> = {}): { claim: Claim; noted: () => RowsPlan } => {
  let noted = plan;
  const revise: Claim['revise'] = async (changed) => {
    noted = changed as RowsPlan;
    return undefined;
  };
  return { claim: { key: 'delivery:k', plan: () => noted, revise, ...change } as Claim, noted: () => noted };
};

/** @param leaves what is known of the mark once nobody writes to the sheet any more */
const planningOf = (
  found: DriveFile[],
  rows: RowOptions = {},
  isMarked?: boolean,
  leaves: boolean | undefined = isMarked,
): Planning => {
  const leave: Sheets['leave'] = async (_, __, note) => {
    if (leaves !== true) await note();
    return leaves;
  };
  const sinceMs = Date.parse('2026-11-29T12:00:00Z');
  // The clock for ages may be far ahead.
  const now = (): number => sinceMs + 86_400_000 * 40;
  const getShared = async (id: string) => found.find((file) => file.id === id);
  const drive = { find: async () => found, getShared };
  const destination = { drive, config: {}, sheets: async () => ({ isMarked: async () => isMarked, leave }) };
  return {
    ...{ folderId: 'folder', source: { mimeType: 'text/csv', size: 3 }, context: {}, now },
    ...{ ledger: createMemoryLedger({ now }), log: createKeptLog(), sleep: async () => undefined },
    request: { name: 'report.csv', onConflict: 'append', sinceMs, destination, rows, details: {} },
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

  test('of a month are refused where the name of its tab would be too long for Google Sheets', async () => {
    const rowsOf = (length: number): RowOptions => ({ rollover: 'monthly', tab: 'a'.repeat(length) });
    expect((await planRows(planningOf([SHEET], rowsOf(92)))).tab).toHaveLength(100);
    await expect(planRows(planningOf([SHEET], rowsOf(93)))).rejects.toMatchObject({ code: 'request-invalid' });
  });

  test('note whose account writes them', async () => {
    const planning = planningOf([SHEET]);
    const { request } = planning;
    const accounts = { name: 'second' } as Accounts;
    const destination = { ...request.destination, accounts };
    expect(await planRows({ ...planning, request: { ...request, destination } })).toEqual({
      ...PLAN,
      credentials: 'second',
    });
  });

  test('are not put into a Google Docs file that is no sheet', async () => {
    const found = [driveFile({ mimeType: 'application/vnd.google-apps.document' })];
    await expect(planRows(planningOf(found))).rejects.toMatchObject({ code: 'name-taken' });
  });
});

describe('rows of a later try', () => {
  const earlier: RowsPlan = { ...PLAN, fileId: 'moved', tab: '2026-10' };

  test('stay in the sheet that has them, even if it was moved', async () => {
    const { claim } = claimOf(earlier);
    expect(await planRowsNow(planningOf([SHEET], {}, true), claim, earlier)).toEqual(earlier);
  });

  test('go to the sheet of the name where the planned one has none, to the tab of the first try', async () => {
    const planning = planningOf([SHEET], { rollover: 'monthly' }, false);
    const { claim, noted } = claimOf(earlier);
    expect(await planRowsNow(planning, claim, earlier)).toEqual({ ...PLAN, tab: '2026-10' });
    // Noted while nobody writes to the former sheet.
    expect(noted()).toEqual({ ...PLAN, tab: '2026-10' });
    expect(await planRowsNow(planning, claim, { ...PLAN, fileId: '' })).toEqual(PLAN);
  });

  test('stay in the sheet into which another try writes them at that moment', async () => {
    const { claim, noted } = claimOf(earlier);
    expect(await planRowsNow(planningOf([SHEET], {}, false, true), claim, earlier)).toEqual(earlier);
    expect(noted()).toEqual(earlier);
  });

  test('leave their sheet also where another try notes the bytes at that moment, but not where it plans anew', async () => {
    const planning = planningOf([SHEET], {}, false);
    let [turn, plan]: [number, RowsPlan] = [0, earlier];
    const revise: Claim['revise'] = async (changed) => {
      turn += 1;
      if (turn === 2) plan = changed as RowsPlan;
      return undefined;
    };
    const { claim } = claimOf(earlier, { revise, plan: () => plan });
    await planRowsNow(planning, claim, earlier);
    expect([turn, plan.fileId]).toEqual([2, 's1']);
    const other = claimOf(earlier, { revise: async () => undefined, plan: () => ({ ...earlier, fileId: 's3' }) });
    await expect(planRowsNow(planning, other.claim, earlier)).rejects.toMatchObject({ code: 'drive-unavailable' });
  });
});
