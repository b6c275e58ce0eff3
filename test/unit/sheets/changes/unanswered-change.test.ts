import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Instance, type SheetsInTime, startSheetsInTime } from '../../../support/rows/sheets-in-time.ts';

/** How long the next instance waits for a spreadsheet after a change that had no answer. */

let time: SheetsInTime;
beforeAll(async () => {
  time = await startSheetsInTime();
});
afterAll(() => time.close());

const KEYS = ['a', 'b'].map((letter) => letter.repeat(32)) as [string, string];
const KEYS_OF_GROUP = ['c', 'd'].map((letter) => letter.repeat(32));
const CSV = 'day,orders\nmon,3\n';

/** @returns simulated milliseconds that an append of another instance takes, and the rows in the end */
const appendAfter = async (spreadsheetId: string): Promise<number> => {
  const startMs = time.now();
  const append = { key: KEYS[1], csv: 'day,orders\ntue,4\n' };
  await time.run(time.append(time.instance(), spreadsheetId, append));
  return time.now() - startMs;
};

test.each(['before', 'after'] as const)(
  'none, if the connection broke %s it was applied and the change is found or repeated',
  async (when) => {
    const spreadsheetId = await time.create();
    const instance = time.instance();
    instance.breakChange(when);
    const { rows } = await time.run(time.append(instance, spreadsheetId, { key: KEYS[0], csv: CSV }));
    expect(rows).toBe(1);
    expect(await appendAfter(spreadsheetId)).toBeLessThan(10_000);
  },
);

test('none, if Google has answered each change with an error: the next instance looks at the spreadsheet', async () => {
  const spreadsheetId = await time.create();
  const instance = time.instance();
  instance.failChanges();
  const append = { key: KEYS[0], csv: CSV };
  await expect(time.run(time.append(instance, spreadsheetId, append))).rejects.toMatchObject({
    code: 'drive-unavailable',
  });
  expect(await appendAfter(spreadsheetId)).toBeLessThan(10_000);
});

test('until the change cannot be applied any more, if its caller has left', async () => {
  const spreadsheetId = await time.create();
  const instance = time.instance();
  instance.delayChange(5_000);
  const left = new AbortController();
  const append = { key: KEYS[0], csv: `day,orders\n${'mon,3\n'.repeat(50)}`, maxBatchBytes: 100, signal: left.signal };
  const appended = time.append(instance, spreadsheetId, append).catch((error: Error) => error);
  await time.run(time.sleep(1_000));
  left.abort();
  expect(await time.run(appended)).toBeInstanceOf(Error);
  expect(await appendAfter(spreadsheetId)).toBeGreaterThanOrEqual(30_000);
});

/** Two deliveries share a change. @returns how each of them ended */
const appendTogether = async (spreadsheetId: string, instance: Instance): Promise<string[]> => {
  const appends = KEYS_OF_GROUP.map((key) => time.append(instance, spreadsheetId, { key, csv: CSV }));
  const ended = await time.run(Promise.allSettled(appends));
  return ended.map(({ status }) => status);
};

test('until the change of one delivery cannot be applied any more, if that of another one under the same lock was', async () => {
  const spreadsheetId = await time.create();
  const instance = time.instance();
  instance.rejectChanges(['refused', 'refused', 'lost', 'refused', 'refused']);
  expect(await appendTogether(spreadsheetId, instance)).toEqual(['rejected', 'fulfilled']);
  expect(await appendAfter(spreadsheetId)).toBeGreaterThanOrEqual(30_000);
});

test('none, if a change for several deliveries was lost and each of them is written by a change of its own', async () => {
  const spreadsheetId = await time.create();
  const instance = time.instance();
  instance.rejectChanges(['lost', 'refused', 'refused']);
  expect(await appendTogether(spreadsheetId, instance)).toEqual(['fulfilled', 'fulfilled']);
  expect(await appendAfter(spreadsheetId)).toBeLessThan(10_000);
});
