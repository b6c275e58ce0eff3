import { expect, test } from '@jest/globals';
import type { Plan } from '../../../../src/delivery/plan.ts';
import { convert } from '../../../../src/delivery/store/convert-file.ts';
import type { RowsPlan } from '../../../../src/delivery/store/rows/plan-rows.ts';
import { writeRows } from '../../../../src/delivery/store/rows/write-rows.ts';
import type { CallContext, UploadRequest, UploadTarget } from '../../../../src/drive/drive.ts';
import type { Sheets } from '../../../../src/sheets/sheets.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

/** How old the last search for a name is when the request leaves that creates the sheet or the document of that name. */

const SHEET = driveFile({ mimeType: 'application/vnd.google-apps.spreadsheet' });
const CONVERT: Plan & { kind: 'convert' } = {
  ...{ kind: 'convert', fileId: '', folderId: 'folder', rule: 'replace', target: SHEET.mimeType },
};
const RECEIVED = { sha256: 'a'.repeat(64), size: 3 };
const PLAN: RowsPlan = { kind: 'appendRows', fileId: '', folderId: 'folder' };

interface Setting {
  /** Milliseconds for each search. */
  searchMs?: number;
  /** Milliseconds for each answer about a deleted file that the search still shows; 0 for further ones. */
  doubtMs?: number[];
  /** Milliseconds until the request may be sent. */
  waitMs?: number;
}

/** A Drive whose search takes time, and still shows a deleted file. `sent` is called when a request leaves. */
const createSearch = ({ searchMs = 0, doubtMs = [] }: Setting) => {
  let nowMs = STEP_NOW_MS;
  let searches = 0;
  let searchedAtMs = 0;
  let age: number | undefined;
  return {
    now: () => nowMs,
    pass(milliseconds: number): void {
      nowMs += milliseconds;
    },
    sent(): void {
      age = nowMs - searchedAtMs;
    },
    result: () => ({ searches, age }),
    driveAnswers: {
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
    },
  };
};

/** Pauses between looks take no time, and leases are not renewed. */
const sleep = async (ms: number): Promise<void> => (ms > 3_000 ? new Promise(() => undefined) : undefined);

const make = async ({ waitMs = 0, ...setting }: Setting) => {
  const search = createSearch(setting);
  const driveAnswers = {
    ...search.driveAnswers,
    async createDocument(_file: object, { beforeSend }: CallContext) {
      search.pass(waitMs);
      await beforeSend?.();
      search.sent();
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
  await writeRows({ ...step, sleep, now: search.now }, PLAN);
  return search.result();
};

const convertOnce = async (setting: Setting) => {
  const search = createSearch(setting);
  const driveAnswers = {
    ...search.driveAnswers,
    startUpload: async ({ beforeCommit }: UploadRequest) => ({
      async send(target: UploadTarget) {
        await beforeCommit?.(RECEIVED, target, 'session');
        search.sent();
        return { kind: 'stored', file: SHEET, received: RECEIVED };
      },
      close: () => undefined,
    }),
  };
  const { step } = createFakeStep({ plan: CONVERT, driveAnswers });
  await convert({ ...step, sleep, now: search.now }, CONVERT);
  return search.result();
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

test.each<[string, Setting, { searches: number; age: number }]>([
  ['once if its answer is recent, however late it came', { searchMs: 9_000 }, { searches: 1, age: 0 }],
  ['once if what followed the search was short', { doubtMs: [3_000] }, { searches: 1, age: 3_000 }],
  ['once more if what followed the search took long', { doubtMs: [3_001] }, { searches: 2, age: 0 }],
  ['twice more if that took long again', { doubtMs: [3_001, 0, 0, 0, 3_001] }, { searches: 3, age: 0 }],
])('the name of a document is searched for %s', async (_, setting, expected) => {
  expect(await convertOnce(setting)).toEqual(expected);
});
