import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierStory } from '../../support/courier/courier-story.ts';
import { type RowsWorld, sourceOf, startRowsWorld } from './rows-in-world.ts';

let world: RowsWorld;
let story: CourierStory;
beforeAll(async () => {
  world = await startRowsWorld();
  story = world.instance();
});
afterAll(() => world?.close());

describe('rows are appended', () => {
  test('to a sheet that is made once, with its header; a retry appends nothing', async () => {
    const first = await world.append(story, 'id,name\n1,a\n2,=1+1\n', { name: 'once' }, { idempotencyKey: 'once-1' });
    expect(first).toMatchObject({
      outcome: 'created',
      mimeType: 'application/vnd.google-apps.spreadsheet',
      size: 19,
      sheet: { spreadsheetId: first.id, tab: 'Sheet1', range: 'Sheet1!A2:B3', rows: 2, columnsAdded: [] },
    });
    expect(first.webViewLink).toContain(`/spreadsheets/d/${first.id}/edit`);
    expect(first.webViewLink).toContain('#gid=0&range=A2:B3');
    const again = await world.append(story, 'id,name\n1,a\n2,=1+1\n', { name: 'once' }, { idempotencyKey: 'once-1' });
    expect(again).toEqual({ ...first, outcome: 'replayed' });
    const second = await world.append(story, 'id,name\n3,c\n', { name: 'once' }, { idempotencyKey: 'once-2' });
    expect(second).toMatchObject({ id: first.id, outcome: 'replaced', sheet: { range: 'Sheet1!A4:B4', rows: 1 } });
    expect(world.rowsOf(first.id)).toEqual([
      ['id', 'name'],
      [1, 'a'],
      [2, '=1+1'],
      [3, 'c'],
    ]);
    expect(world.filesNamed('once')).toHaveLength(1);
    await expect(
      world.append(story, 'id,name\n4,d\n', { name: 'once' }, { idempotencyKey: 'once-2' }),
    ).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  test('into the columns of their names; others are added at the right, or refused', async () => {
    const options = { name: 'columns' };
    const { id } = await world.append(story, 'a,b\n1,2\n', options);
    const moved = await world.append(story, 'b,c,a\n20,30,10\n', options);
    expect(moved.sheet).toMatchObject({ range: 'Sheet1!A3:C3', columnsAdded: ['c'] });
    await expect(world.append(story, 'a,d\n1,2\n', { ...options, columns: 'strict' })).rejects.toMatchObject({
      code: 'sheet-shape',
      reason: 'unknown-columns',
    });
    await world.append(story, 'c\n300\n', { ...options, columns: 'strict' });
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b', 'c'],
      [1, 2],
      [10, 20, 30],
      ['', '', 300],
    ]);
  });

  test('with dates as date cells if they are asked for', async () => {
    const csv = 'day,at\n2026-11-24,2026-11-24T06:00:00Z\n';
    const { id } = await world.append(story, csv, { name: 'dates' });
    await world.append(story, csv, { name: 'dates', dates: true });
    const { body } = await world.person('GET', `/${id}`, {
      query: { ranges: 'A2:B3', fields: 'sheets(data(rowData(values(userEnteredValue,userEnteredFormat))))' },
    });
    const format = (type: string, pattern: string) => ({ userEnteredFormat: { numberFormat: { type, pattern } } });
    expect(body.sheets[0].data[0].rowData).toEqual([
      {
        values: [
          { userEnteredValue: { stringValue: '2026-11-24' } },
          { userEnteredValue: { stringValue: '2026-11-24T06:00:00Z' } },
        ],
      },
      {
        values: [
          { userEnteredValue: { numberValue: 46350 }, ...format('DATE', 'yyyy-mm-dd') },
          { userEnteredValue: { numberValue: 46350.25 }, ...format('DATE_TIME', 'yyyy-mm-dd hh:mm:ss') },
        ],
      },
    ]);
  });

  test('to a tab of a name, which is made; and to a tab for each month', async () => {
    const { id } = await world.append(story, 'a\n1\n', { name: 'tabs' });
    const other = await world.append(story, 'b\n2\n', { name: 'tabs', tab: "Q4 '26" });
    expect(other.sheet).toMatchObject({ tab: "Q4 '26", range: "'Q4 ''26'!A2" });
    await world.append(story, 'b\n3\n', { name: 'tabs', tab: "q4 '26" });
    expect(world.rowsOf(id)).toEqual([['a'], [1]]);
    expect(world.rowsOf(id, "Q4 '26")).toEqual([['b'], [2], [3]]);
    const month = new Date().toISOString().slice(0, 7);
    const monthly = await world.append(story, 'b\n4\n', { name: 'tabs', rollover: 'monthly', tab: 'log' });
    expect(monthly.sheet?.tab).toBe(`log ${month}`);
  });

  test('from JSON Lines, with the types of JSON', async () => {
    const source = sourceOf('{"a":"007","b":1.5}\n{"b":true,"c":"x"}\n', 'application/x-ndjson');
    const { id } = await world.append(story, '', { name: 'lines' }, { source });
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b', 'c'],
      ['007', 1.5],
      ['', true, 'x'],
    ]);
  });

  test('many at once share a change, and each has its own range', async () => {
    await world.append(story, 'n\n0\n', { name: 'group' });
    world.google.calls.clear();
    const receipts = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        world.append(story, `n\n${n + 1}\n`, { name: 'group' }, { idempotencyKey: `group-${n}` }),
      ),
    );
    const rows = world.rowsOf(receipts[0]?.id ?? '');
    expect(rows).toHaveLength(52);
    for (const [n, { sheet }] of receipts.entries()) {
      const row = Number(sheet?.range.slice('Sheet1!A'.length));
      expect(rows[row - 1]).toEqual([n + 1]);
    }
    // Those of one group ask Drive for the file together.
    const reads = world.google.calls.list({
      method: 'GET',
      host: 'www.googleapis.com',
      path: `*/files/${receipts[0]?.id}`,
    });
    expect(reads.length).toBeLessThan(25);
  });
});

describe('a retry', () => {
  const batchUpdates = { method: 'POST', host: 'sheets.googleapis.com', path: '*:batchUpdate' };

  test.each(['refuse', 'allow'] as const)(
    'whose first answer was lost appends nothing (%s ids)',
    async (duplicateMetadataIds) => {
      world.google.sheets.setLimits({ duplicateMetadataIds });
      const name = `lost ${duplicateMetadataIds}`;
      await world.append(story, 'a\n0\n', { name });
      world.google.faults.add({ ...batchUpdates, times: 1, fault: { kind: 'answer-lost' } });
      const receipt = await world.append(story, 'a\n1\n', { name }, { idempotencyKey: name });
      expect(receipt).toMatchObject({ sheet: { range: 'Sheet1!A3', rows: 1 } });
      expect(world.rowsOf(receipt.id)).toEqual([['a'], [0], [1]]);
      world.google.sheets.setLimits({ duplicateMetadataIds: 'refuse' });
    },
  );

  test('after a crash before the receipt was recorded appends nothing, also if the sheet was renamed since', async () => {
    const name = 'crash';
    const { id } = await world.append(story, 'a\n0\n', { name });
    const ended = world.instanceWithoutReceipts();
    await expect(
      world.append(ended, 'a\n1\n', { name }, { idempotencyKey: name, deadlineMs: Date.now() + 3_500 }),
    ).rejects.toMatchObject({ code: 'google-unavailable' });
    await world.person.batch(id, {
      updateSpreadsheetProperties: { properties: { title: 'renamed' }, fields: 'title' },
    });
    const receipt = await world.append(story, 'a\n1\n', { name }, { idempotencyKey: name });
    expect(receipt).toMatchObject({ id, outcome: 'replayed', sheet: { range: 'Sheet1!A3' } });
    expect(world.rowsOf(id)).toEqual([['a'], [0], [1]]);
    expect(world.filesNamed(name)).toEqual([]);
  });

  test('by two instances at the same moment appends once', async () => {
    const name = 'two';
    const other = world.instance();
    const receipts = await Promise.all(
      [story, other, story, other].map((one) => world.append(one, 'a\n1\n', { name }, { idempotencyKey: name })),
    );
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(1);
    expect(world.rowsOf(receipts[0]?.id ?? '')).toEqual([['a'], [1]]);
    expect(world.filesNamed(name)).toHaveLength(1);
  });
});
