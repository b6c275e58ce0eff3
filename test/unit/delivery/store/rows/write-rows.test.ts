import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../../../src/delivery/plan.ts';
import type { RowsPlan } from '../../../../../src/delivery/store/rows/plan-rows.ts';
import { storeFile } from '../../../../../src/delivery/store/store-file.ts';
import { writeRows } from '../../../../../src/delivery/store/rows/write-rows.ts';
import type { CallContext } from '../../../../../src/drive/drive.ts';
import { CourierError } from '../../../../../src/errors.ts';
import type { AppendRequest } from '../../../../../src/sheets/sheets.ts';
import {
  CSV,
  OF_OTHERS,
  PLAN,
  RECEIPT,
  SHA256,
  SHEET,
  TO_MAKE,
  claimOf,
  setUpRows,
} from '../../../../support/rows/write-rows-step.ts';

describe('rows', () => {
  test('of a file of exactly the most bytes are written, and of a larger one are not', async () => {
    expect(await setUpRows({ maxBytes: CSV.length }).run()).toMatchObject({
      ...{ outcome: 'replaced', isNew: false, received: { sha256: SHA256, size: CSV.length } },
      sheet: { tab: 'Sheet1', range: 'Sheet1!A1:B2', rows: 1 },
    });
    await expect(setUpRows({ maxBytes: CSV.length - 1 }).run()).rejects.toMatchObject({ code: 'too-large' });
  });

  test('are not written by a try whose plan another try has changed', async () => {
    const { run } = setUpRows({ claim: claimOf(PLAN, { commitTo: async () => 'revised' }) });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test('whose spreadsheet Drive does not show yet are not answered', async () => {
    const { run } = setUpRows({ driveAnswers: { getShared: async () => undefined } });
    await expect(run()).rejects.toMatchObject({ code: 'drive-unavailable' });
  });

  test.each([
    ['', PLAN],
    ['reports', PLAN],
    ['reports', { ...PLAN, kind: 'replaceRows' } as const],
  ])('whose sheet was removed before they were written are tried again: path %j, %j', async (path, plan) => {
    const { step } = setUpRows({ plan, fails: () => new CourierError('folder-not-found') });
    const storing = storeFile({ ...step, request: { ...step.request, path } }, undefined);
    const detail = 'The sheet was removed in the meantime.';
    await expect(storing).rejects.toMatchObject({ code: 'drive-unavailable', detail });
  });

  test('whose spreadsheet is that of the destination are refused if it is missing', async () => {
    const { step } = setUpRows({ fails: () => new CourierError('folder-not-found') });
    const { destination } = step.request;
    const config = { ...destination.config, spreadsheet: 'f1', folder: null };
    const request = { ...step.request, destination: { ...destination, config } };
    await expect(storeFile({ ...step, request }, undefined)).rejects.toMatchObject({ code: 'folder-not-found' });
  });

  test('that another try has written meanwhile are answered with its receipt', async () => {
    const { run } = setUpRows({ claim: claimOf(PLAN, { commitTo: async () => ({ receipt: RECEIPT }) }) });
    expect(await run()).toEqual({ file: SHEET, outcome: 'replayed', isNew: false, receipt: RECEIPT });
  });

  test.each([
    ['when the sheet is noted', TO_MAKE, { revise: async () => OF_OTHERS }],
    ['before the sheet is made', TO_MAKE, { refresh: async () => OF_OTHERS }],
    ['before all of them are read', PLAN, { refresh: async () => OF_OTHERS }],
  ])('that differ from those of another try get no receipt of it: %s', async (_, plan, change) => {
    const driveAnswers = { find: async () => [], createDocument: async () => SHEET };
    const { run } = setUpRows({ plan, claim: claimOf(plan, change), isOvertaken: true, driveAnswers });
    await expect(run()).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  test('that are not all read are answered with the receipt of another try, if they are the same', async () => {
    const { run } = setUpRows({ claim: claimOf(PLAN, { refresh: async () => RECEIPT }), isOvertaken: true });
    expect(await run()).toEqual({ file: SHEET, outcome: 'replayed', isNew: false, receipt: RECEIPT });
  });

  test.each<[RowsPlan['kind'], boolean]>([
    ['appendRows', false],
    ['replaceRows', true],
  ])('keep the retention away from their sheet only where they replace its values: %s', async (kind, isLeased) => {
    const driveAnswers = { policy: async () => ({ setDetails: async () => undefined }) };
    const { step, run } = setUpRows({ plan: { ...PLAN, kind }, keep: [{ path: '**', last: 1 }], driveAnswers });
    await run();
    expect((await step.ledger.read('write:f1')) !== undefined).toBe(isLeased);
  });

  const REFUSED = new CourierError('sheet-full');
  const UNAVAILABLE = new CourierError('drive-unavailable');

  test.each<[string, (number | undefined)[], CourierError, boolean, boolean]>([
    ['the caller has left, and Sheets has not answered', [undefined], new CourierError('body-truncated'), true, true],
    ['Sheets has not answered', [undefined], UNAVAILABLE, false, true],
    ['Sheets has not answered, and has refused them later', [undefined, 400], REFUSED, false, true],
    ['Sheets has refused them', [400], REFUSED, false, false],
    ['Sheets has refused them for now', [429], new CourierError('drive-rate-limited'), false, false],
    ['they were not sent', [], UNAVAILABLE, false, false],
    ['the caller has left, and they were not sent', [], new CourierError('body-truncated'), true, false],
  ])('keep the retention away longer than they take if they may still be written: %s', async (...row) => {
    const [, statuses, error, hasLeft, isLeased] = row;
    const plan = { ...PLAN, kind: 'replaceRows' } as const;
    const left = new AbortController();
    const fails = ({ context, key }: AppendRequest): Error => {
      for (const status of statuses) context.changes?.onSend([{ key, batch: { index: 0 } }])(status);
      if (hasLeft) left.abort(error);
      return error;
    };
    const { step, endings } = setUpRows({ plan, keep: [{ path: '**', last: 1 }], fails });
    const running = writeRows({ ...step, context: { ...step.context, signal: left.signal } }, plan);
    await expect(running).rejects.toBe(error);
    for (const end of endings) await end();
    expect((await step.ledger.read('write:f1')) !== undefined).toBe(isLeased);
  });

  test('do not keep the retention away if another try was answered before they were sent', async () => {
    const plan = { ...PLAN, kind: 'replaceRows' } as const;
    const claim = claimOf(plan, { commitTo: async () => ({ receipt: RECEIPT }) });
    const { step, run, endings } = setUpRows({ plan, claim, keep: [{ path: '**', last: 1 }] });
    expect(await run()).toMatchObject({ outcome: 'replayed' });
    for (const end of endings) await end();
    expect(await step.ledger.read('write:f1')).toBeUndefined();
  });

  test('keep the retention away longer than they take if Drive may still change the details of their sheet', async () => {
    const plan = { ...PLAN, kind: 'replaceRows' } as const;
    const setDetails = async (_id: string, _details: object, { onSend }: CallContext) => {
      // The first attempt has no answer.
      for (const status of [undefined, 200]) onSend?.()?.(status);
    };
    const driveAnswers = { policy: async () => ({ setDetails }) };
    const { step, endings } = setUpRows({ plan, keep: [{ path: '**', last: 1 }], driveAnswers });
    const request = { ...step.request, details: { description: 'orders' } };
    await writeRows({ ...step, request }, plan);
    for (const end of endings) await end();
    expect(await step.ledger.read('write:f1')).toBeDefined();
  });

  test.each([
    ['Sheet1!A1:B2', 'gid=7&range=A1:B2'],
    ['Sheet1', 'gid=7'],
  ])('are linked: the range %s', async (range, selected) => {
    const { file } = await setUpRows({ range }).run();
    expect(file.webViewLink).toBe(`https://drive.google.com/file/d/f1/view?${selected}#${selected}`);
  });

  test.each([
    ['is answered', PLAN, RECEIPT, true],
    ['has another sheet', { ...PLAN, fileId: 'f2' }, undefined, true],
    ['is neither', PLAN, undefined, false],
  ])('are superseded by another try if their key %s', async (_, plan, receipt, expected) => {
    let noted: Plan = PLAN;
    const { run, asked } = setUpRows({ claim: claimOf(PLAN, { plan: () => noted, refresh: async () => receipt }) });
    await run();
    noted = plan;
    expect(await asked[0]?.isSuperseded?.()).toBe(expected);
  });

  test.each([
    ['is recorded', true, 1],
    ['is not recorded', false, 0],
  ])('have marks that are free to be removed only if the receipt %s', async (_, isFinished, count) => {
    const { run, endings, finished } = setUpRows({ claim: claimOf(PLAN, { isFinished: () => isFinished }) });
    await run();
    for (const end of endings) await end();
    expect(finished).toHaveLength(count);
  });
});
