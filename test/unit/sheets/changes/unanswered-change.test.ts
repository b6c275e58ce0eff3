import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { batchesOf } from '../../../../src/sheets/rows/batches.ts';
import { readRows } from '../../../../src/sheets/rows/read-rows.ts';
import { createUnansweredChanges } from '../../../../src/sheets/unanswered-changes.ts';
import { type Instance, type SheetsInTime, startSheetsInTime } from '../../../support/rows/sheets-in-time.ts';

/** How long the next instance waits for a spreadsheet after a change that had no answer. */

let time: SheetsInTime;
beforeAll(async () => {
  time = await startSheetsInTime();
});
afterAll(() => time.close());

const KEYS = ['a', 'b'].map((letter) => letter.repeat(32)) as [string, string];
const KEYS_OF_GROUP = ['c', 'd'].map((letter) => letter.repeat(32));
const LOST_AND_REFUSED = ['lost', 'refused', 'refused'] as const;
const CSV = 'day,orders\nmon,3\n';

const bytes = async function* (): AsyncGenerator<Uint8Array> {
  yield Buffer.from(CSV);
};

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

test.each<[string, (instance: Instance) => void, boolean, number]>([
  ['may still be applied', (instance) => instance.delayChange(5_000), false, 1],
  ['was not sent, because another try was answered', () => undefined, true, 0],
  ['was lost, although later ones were refused', (instance) => instance.rejectChanges(LOST_AND_REFUSED), false, 1],
  ['was refused', (instance) => instance.rejectChanges(['refused', 'refused']), false, 0],
])(
  'a caller that replaces values and leaves learns what became of its change: it %s',
  async (_, prepare, isAnswered, count) => {
    const spreadsheetId = await time.create();
    const instance = time.instance();
    prepare(instance);
    const left = new AbortController();
    const changes = createUnansweredChanges();
    const replaced = instance.sheets
      .replace({
        ...{ spreadsheetId, key: KEYS[0], mayBeDone: false, isSuperseded: async () => isAnswered },
        batches: batchesOf(readRows(bytes(), { mimeType: 'text/csv', dates: false, anyShape: true })),
        context: { signal: left.signal, changes },
      })
      .catch((error: Error) => error);
    await time.run(Promise.race([replaced, time.sleep(4_000)]));
    left.abort();
    expect(await time.run(replaced)).toBeInstanceOf(Error);
    expect(changes.count()).toBe(count);
  },
);
