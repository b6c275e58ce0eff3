import { expect, test } from '@jest/globals';
import type { RowsPlan } from '../../../../src/delivery/store/plan-rows.ts';
import { writeRows } from '../../../../src/delivery/store/write-rows.ts';
import type { CallContext } from '../../../../src/drive/drive.ts';
import type { Sheets } from '../../../../src/sheets/sheets.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

/** How old the last search for the name of a sheet is when the request leaves that makes the sheet. */

const SHEET = driveFile({ mimeType: 'application/vnd.google-apps.spreadsheet' });
const PLAN: RowsPlan = { kind: 'appendRows', fileId: '', folderId: 'folder' };

interface Setting {
  /** Milliseconds for each search. */
  searchMs?: number;
  /** Milliseconds for each answer about a deleted file that the search still shows; 0 for further ones. */
  doubtMs?: number[];
  /** Milliseconds until the request may be sent. */
  waitMs?: number;
}

const make = async ({ searchMs = 0, doubtMs = [], waitMs = 0 }: Setting) => {
  let nowMs = STEP_NOW_MS;
  let searches = 0;
  let searchedAtMs = 0;
  let age: number | undefined;
  const driveAnswers = {
    async find() {
      searches += 1;
      nowMs += searchMs;
      searchedAtMs = nowMs;
      return [driveFile({ id: 'deleted' })];
    },
    async get(id: string) {
      if (id === 'deleted') nowMs += doubtMs.shift() ?? 0;
      return id === SHEET.id ? SHEET : undefined;
    },
    async createDocument(_file: object, { beforeSend }: CallContext) {
      nowMs += waitMs;
      await beforeSend?.();
      age = nowMs - searchedAtMs;
      return SHEET;
    },
  };
  const sheets: Partial<Sheets> = {
    async append({ spreadsheetId, batches }) {
      for (;;) {
        if (!(await batches.next()).done) continue;
        return { spreadsheetId, sheetId: 7, tab: 'a', range: 'a', rows: 1, columnsAdded: [], isRepeated: false };
      }
    },
    finished: () => undefined,
  };
  const source = {
    async *open() {
      yield Buffer.from('day,orders\nmon,3\n');
    },
  };
  const { step } = createFakeStep({ plan: PLAN, files: [SHEET], sheets, source, driveAnswers });
  const sleep = async (ms: number): Promise<void> => (ms > 3_000 ? new Promise(() => undefined) : undefined);
  await writeRows({ ...step, sleep, now: () => nowMs }, PLAN);
  return { searches, age };
};

test.each<[string, Setting, { searches: number; age: number }]>([
  [
    'once if its answer is recent, however late it came',
    { searchMs: 9_000, waitMs: 3_000 },
    { searches: 1, age: 3_000 },
  ],
  ['once more after a wait', { searchMs: 9_000, waitMs: 3_001 }, { searches: 2, age: 0 }],
  ['once more if what followed the search took long', { doubtMs: [3_001] }, { searches: 2, age: 0 }],
  ['twice more if that took long again', { doubtMs: [3_001, 0, 0, 0, 3_001] }, { searches: 3, age: 0 }],
])('the name of a sheet is searched for %s', async (_, setting, expected) => {
  expect(await make(setting)).toEqual(expected);
});
