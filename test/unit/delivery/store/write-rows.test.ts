import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { DestinationConfig } from '../../../../src/config/schema/destination.ts';
import type { Claim } from '../../../../src/delivery/idempotency.ts';
import type { Plan } from '../../../../src/delivery/plan.ts';
import type { RowsPlan } from '../../../../src/delivery/store/plan-rows.ts';
import { writeRows } from '../../../../src/delivery/store/write-rows.ts';
import type { Receipt } from '../../../../src/domain.ts';
import type { CallContext } from '../../../../src/drive/drive.ts';
import { CourierError } from '../../../../src/errors.ts';
import { superseded } from '../../../../src/sheets/errors.ts';
import type { Sheets, WrittenRows } from '../../../../src/sheets/sheets.ts';
import { driveFile } from '../../../support/drive/drive-file.ts';
import { createFakeStep, STEP_NOW_MS } from '../../../support/drive/fake-upload-step.ts';

/** Rows of a delivery against a Sheets that takes every batch. */

const SHEET = driveFile({ mimeType: 'application/vnd.google-apps.spreadsheet' });
const PLAN: RowsPlan = { kind: 'appendRows', fileId: 'f1', folderId: 'folder' };
const TO_MAKE: RowsPlan = { ...PLAN, fileId: '' };
const LEASE_KEY = 'convert:["folder","report.csv"]';
const CSV = Buffer.from('day,orders\nmon,3\n');
const SHA256 = createHash('sha256').update(CSV).digest('hex');
const RECEIPT = { id: 'f1', sha256: SHA256 } as Receipt;
const OF_OTHERS = { ...RECEIPT, sha256: createHash('sha256').update('other rows').digest('hex') };

const claimOf = (plan: Plan, change: Partial<Claim> = {}): Partial<Claim> => ({
  ...{ key: 'delivery:k', mine: true, plan: () => plan, refresh: async () => undefined, isFinished: () => true },
  ...{ commitTo: async () => 'committed', revise: async () => undefined },
  ...change,
});

const setUp = ({
  plan = PLAN,
  claim,
  maxBytes = 1_000,
  keep = [],
  range = 'Sheet1!A1:B2',
  isOvertaken = false,
  driveAnswers = {},
}: {
  plan?: RowsPlan;
  claim?: Partial<Claim>;
  maxBytes?: number;
  /** Of the destination. */
  keep?: DestinationConfig['keep'];
  /** That was written. */
  range?: string;
  /** Sheets writes nothing, because the ledger has a receipt by then. */
  isOvertaken?: boolean;
  driveAnswers?: object;
}) => {
  const finished: string[] = [];
  const written: WrittenRows = {
    ...{ spreadsheetId: 'f1', sheetId: 7, tab: 'Sheet1', range, rows: 1, columnsAdded: [] },
    isRepeated: false,
  };
  const asked: Parameters<Sheets['append']>[0][] = [];
  const take = async (request: Parameters<Sheets['append']>[0]): Promise<WrittenRows> => {
    asked.push(request);
    if (isOvertaken && (await request.isSuperseded?.())) throw superseded();
    for (;;) if ((await request.batches.next()).done) return written;
  };
  const sheets: Partial<Sheets> = {
    append: (request) => take(request),
    replace: (request) => take({ ...request, columns: 'extend' }),
    finished: (_, key) => void finished.push(key),
  };
  const source = {
    async *open() {
      yield CSV;
    },
  };
  const setting = { plan, claim, files: [SHEET], config: { maxBytes, keep }, sheets, source, driveAnswers };
  const fake = createFakeStep(setting);
  /** The leases that are being kept; none is renewed here. */
  const leases: (AbortSignal | undefined)[] = [];
  const sleep = (_: number, signal?: AbortSignal): Promise<void> => {
    leases.push(signal);
    return new Promise(() => undefined);
  };
  const step = { ...fake.step, sleep };
  return { ...fake, step, leases, asked, finished, run: () => writeRows(step, plan) };
};

describe('rows', () => {
  test('of a file of exactly the most bytes are written, and of a larger one are not', async () => {
    expect(await setUp({ maxBytes: CSV.length }).run()).toMatchObject({
      ...{ outcome: 'replaced', isNew: false, received: { sha256: SHA256, size: CSV.length } },
      sheet: { tab: 'Sheet1', range: 'Sheet1!A1:B2', rows: 1 },
    });
    await expect(setUp({ maxBytes: CSV.length - 1 }).run()).rejects.toMatchObject({ code: 'too-large' });
  });

  test('are not written by a try whose plan another try has changed', async () => {
    const { run } = setUp({ claim: claimOf(PLAN, { commitTo: async () => 'revised' }) });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test('whose spreadsheet Drive does not show yet are not answered', async () => {
    const { run } = setUp({ driveAnswers: { getShared: async () => undefined } });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test('that another try has written meanwhile are answered with its receipt', async () => {
    const { run } = setUp({ claim: claimOf(PLAN, { commitTo: async () => ({ receipt: RECEIPT }) }) });
    expect(await run()).toEqual({ file: SHEET, outcome: 'replayed', isNew: false, receipt: RECEIPT });
  });

  test.each([
    ['when the sheet is noted', TO_MAKE, { revise: async () => OF_OTHERS }],
    ['before the sheet is made', TO_MAKE, { refresh: async () => OF_OTHERS }],
    ['before all of them are read', PLAN, { refresh: async () => OF_OTHERS }],
  ])('that differ from those of another try get no receipt of it: %s', async (_, plan, change) => {
    const driveAnswers = { find: async () => [], createDocument: async () => SHEET };
    const { run } = setUp({ plan, claim: claimOf(plan, change), isOvertaken: true, driveAnswers });
    await expect(run()).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  test('that are not all read are answered with the receipt of another try, if they are the same', async () => {
    const { run } = setUp({ claim: claimOf(PLAN, { refresh: async () => RECEIPT }), isOvertaken: true });
    expect(await run()).toEqual({ file: SHEET, outcome: 'replayed', isNew: false, receipt: RECEIPT });
  });

  test.each<[RowsPlan['kind'], boolean]>([
    ['appendRows', false],
    ['replaceRows', true],
  ])('keep the retention away from their sheet only where they replace its values: %s', async (kind, isLeased) => {
    const driveAnswers = { policy: async () => ({ setDetails: async () => undefined }) };
    const { step, run } = setUp({ plan: { ...PLAN, kind }, keep: [{ path: '**', last: 1 }], driveAnswers });
    await run();
    expect((await step.ledger.read('write:f1')) !== undefined).toBe(isLeased);
  });

  test.each([
    ['Sheet1!A1:B2', 'gid=7&range=A1:B2'],
    ['Sheet1', 'gid=7'],
  ])('are linked: the range %s', async (range, selected) => {
    const { file } = await setUp({ range }).run();
    expect(file.webViewLink).toBe(`https://drive.google.com/file/d/f1/view?${selected}#${selected}`);
  });

  test.each([
    ['is answered', PLAN, RECEIPT, true],
    ['has another sheet', { ...PLAN, fileId: 'f2' }, undefined, true],
    ['is neither', PLAN, undefined, false],
  ])('are superseded by another try if their key %s', async (_, plan, receipt, expected) => {
    let noted: Plan = PLAN;
    const { run, asked } = setUp({ claim: claimOf(PLAN, { plan: () => noted, refresh: async () => receipt }) });
    await run();
    noted = plan;
    expect(await asked[0]?.isSuperseded?.()).toBe(expected);
  });

  test.each([
    ['is recorded', true, 1],
    ['is not recorded', false, 0],
  ])('have marks that are free to be removed only if the receipt %s', async (_, isFinished, count) => {
    const { run, endings, finished } = setUp({ claim: claimOf(PLAN, { isFinished: () => isFinished }) });
    await run();
    for (const end of endings) await end();
    expect(finished).toHaveLength(count);
  });
});

describe('a sheet that is made for rows', () => {
  const makes = { find: async () => [], createDocument: async () => SHEET };

  test('is noted for all tries before its first row, and no lease stays', async () => {
    let noted: Plan = TO_MAKE;
    const claim = claimOf(TO_MAKE, {
      plan: () => noted,
      async revise(plan) {
        noted = plan;
        return undefined;
      },
    });
    const { step, run } = setUp({ plan: TO_MAKE, claim, driveAnswers: makes });
    await run();
    expect(noted).toEqual({ ...TO_MAKE, fileId: 'f1' });
    expect(await step.ledger.read(LEASE_KEY)).toBeUndefined();
  });

  test.each([
    ['within three seconds of the search for its name', 3_000, 'created'],
    ['later, because a person may have made one', 3_001, 'drive-unavailable'],
  ])('is made %s', async (_, waitMs, outcome) => {
    let nowMs = STEP_NOW_MS;
    const found: (typeof SHEET)[] = [];
    const driveAnswers = {
      find: async () => found,
      async createDocument(_file: object, { beforeSend }: CallContext) {
        nowMs += waitMs;
        found.push(SHEET);
        await beforeSend?.();
        return SHEET;
      },
    };
    const { step } = setUp({ plan: TO_MAKE, driveAnswers });
    const written = writeRows({ ...step, now: () => nowMs }, TO_MAKE);
    expect(
      await written.then(
        (stored) => stored.outcome,
        ({ code }: CourierError) => code,
      ),
    ).toBe(outcome);
  });

  test('is left to another try that has noted another one, or has answered', async () => {
    const other = claimOf(TO_MAKE, { plan: () => ({ ...TO_MAKE, fileId: 'f2' }) });
    const { run, asked } = setUp({ plan: TO_MAKE, claim: other, driveAnswers: makes });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
    const answered = setUp({
      ...{ plan: TO_MAKE, driveAnswers: makes },
      claim: claimOf(TO_MAKE, { revise: async () => RECEIPT }),
    });
    expect(await answered.run()).toEqual({ file: SHEET, outcome: 'replayed', isNew: false, receipt: RECEIPT });
    expect([...asked, ...answered.asked]).toEqual([]);
  });

  test.each([
    ['has noted another one', { plan: () => ({ ...TO_MAKE, fileId: 'f2' }) }],
    ['has answered', { refresh: async () => RECEIPT }],
  ])('is not made where another try %s in the meantime', async (_, change) => {
    let count = 0;
    const createDocument = async () => {
      count += 1;
      return SHEET;
    };
    const { step, run } = setUp({
      ...{ plan: TO_MAKE, claim: claimOf(TO_MAKE, change), driveAnswers: { ...makes, createDocument } },
    });
    await run().catch(() => undefined);
    expect(count).toBe(0);
    // The next try does not have to wait.
    expect(await step.ledger.read(LEASE_KEY)).toBeUndefined();
  });

  test.each<[string, CourierError, boolean]>([
    ['for a reason that lasts', new CourierError('folder-not-writable'), false],
    ['for a reason that may pass, so that it may have been made', new CourierError('drive-unavailable'), true],
  ])('is waited for only where making it failed %s', async (_, error, isHeld) => {
    const createDocument = async (_: unknown, context: CallContext) => {
      await context.beforeSend?.();
      throw error;
    };
    const { step, run } = setUp({ plan: TO_MAKE, driveAnswers: { ...makes, createDocument } });
    await expect(run()).rejects.toBe(error);
    expect((await step.ledger.read(LEASE_KEY)) !== undefined).toBe(isHeld);
  });

  test('is not waited for where the request was not sent', async () => {
    const error = new CourierError('drive-unavailable');
    const createDocument = () => Promise.reject(error);
    const { step, run } = setUp({ plan: TO_MAKE, driveAnswers: { ...makes, createDocument } });
    await expect(run()).rejects.toBe(error);
    expect(await step.ledger.read(LEASE_KEY)).toBeUndefined();
  });

  test('is the document of a conversion whose lease has expired', async () => {
    const theirs = driveFile({ ...SHEET, parents: ['folder'], name: 'report.csv' });
    const endSession = async () => theirs;
    const { step, run } = setUp({ plan: TO_MAKE, driveAnswers: { get: async () => theirs, endSession } });
    const record = { expiresAtMs: STEP_NOW_MS - 10_000, note: 'their session' };
    const entry = { fileId: '', fingerprint: '', state: 'claimed', record, claimedAtMs: 0 } as const;
    await step.ledger.claim(LEASE_KEY, entry);
    const { claim } = step.ledger;
    step.ledger.claim = async (...given) => {
      const { entry: stored, mine } = await claim(...given);
      return { entry: stored, mine };
    };
    // Drive is asked for no other document.
    expect(await run()).toMatchObject({ file: { id: theirs.id } });
  });

  test('is waited for, until its lease lapses, where the ledger could not note its name', async () => {
    const { step, run, leases } = setUp({ plan: TO_MAKE, driveAnswers: makes });
    const { claim } = step.ledger;
    step.ledger.claim = (key, entry) =>
      entry.state === 'done' ? Promise.reject(new CourierError('google-unavailable')) : claim(key, entry);
    await run();
    expect(await step.ledger.read(LEASE_KEY)).toBeDefined();
    expect(leases.map((signal) => signal?.aborted)).toEqual([true]);
  });
});
