import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiOf } from '../../local/drive/drive-api.ts';
import { type CourierStory, createCourierStory } from '../../support/courier/courier-story.ts';
import { type RowsWorld, sourceOf, startRowsWorld } from './rows-in-world.ts';

/** `onConflict=replace` with `convertTo=sheet`: the values of one tab change, and nothing else does. */

let world: RowsWorld;
let story: CourierStory;
beforeAll(async () => {
  world = await startRowsWorld();
  story = world.instance();
});
afterAll(() => world?.close());

const replace = (csv: string, options: object = {}, rest: object = {}, by = story) =>
  world.append(by, csv, { onConflict: 'replace', ...options }, rest);

describe('the values of a tab are replaced', () => {
  test('in a sheet that is made once, which keeps its id and link; texts are never run as formulas', async () => {
    const first = await replace('id,code\n1,=1+1\n2,007\n3,x\n', { name: 'made' }, { idempotencyKey: 'made-1' });
    expect(first).toMatchObject({
      outcome: 'created',
      mimeType: 'application/vnd.google-apps.spreadsheet',
      sheet: { spreadsheetId: first.id, tab: 'Sheet1', range: 'Sheet1!A2:B4', rows: 3, columnsAdded: [] },
    });
    expect(world.rowsOf(first.id)).toEqual([
      ['id', 'code'],
      [1, '=1+1'],
      [2, '007'],
      [3, 'x'],
    ]);
    const second = await replace('code,id,more\n+5,9,true\n', { name: 'made' });
    expect(second).toMatchObject({ id: first.id, outcome: 'replaced', sheet: { range: 'Sheet1!A2:C2', rows: 1 } });
    expect(second.webViewLink.split(/[?#]/)[0]).toBe(first.webViewLink.split(/[?#]/)[0]);
    expect(world.rowsOf(first.id)).toEqual([
      ['code', 'id', 'more'],
      ['+5', 9, true],
    ]);
    expect(world.filesNamed('made')).toHaveLength(1);
  });

  test('while other tabs, formats, notes, filters, names, protections and the sharing stay', async () => {
    const { id } = await replace('a,b\n1,2\n3,4\n', { name: 'kept' });
    const bold = { userEnteredFormat: { textFormat: { bold: true } }, note: 'from Ann' };
    const range = { sheetId: 0, startRowIndex: 0, endRowIndex: 1, startColumnIndex: 0, endColumnIndex: 2 };
    const formula = { userEnteredValue: { formulaValue: '=SUM(Sheet1!A2:A)' } };
    const prepared = await world.person.batch(
      id,
      { addSheet: { properties: { sheetId: 7, title: 'Totals' } } },
      { updateCells: { start: { sheetId: 7 }, rows: [{ values: [formula] }], fields: 'userEnteredValue' } },
      { repeatCell: { range, cell: bold, fields: 'userEnteredFormat,note' } },
      { setBasicFilter: { filter: { range: { ...range, endRowIndex: 3 } } } },
      { addNamedRange: { namedRange: { name: 'figures', range: { ...range, endRowIndex: 3 } } } },
    );
    expect(prepared.status).toBe(200);
    const { alice, courier } = world.google.world.emails;
    const drive = apiOf(world.google, courier);
    await drive('POST', `/files/${id}/permissions`, {
      query: { supportsAllDrives: true },
      body: { type: 'user', role: 'reader', emailAddress: alice },
    });
    const fields =
      'namedRanges,sheets(properties(sheetId,title),basicFilter,data(rowData(values(userEnteredFormat,note))))';
    const before = await world.person('GET', `/${id}`, { query: { ranges: ['Sheet1!A1:B1', 'Totals!A1'], fields } });
    await replace('x,y\n10,20\n', { name: 'kept' });
    const after = await world.person('GET', `/${id}`, { query: { ranges: ['Sheet1!A1:B1', 'Totals!A1'], fields } });
    expect(after.body).toEqual(before.body);
    expect(before.body.sheets[0].data[0].rowData[0].values[0].note).toBe('from Ann');
    expect(world.rowsOf(id)).toEqual([
      ['x', 'y'],
      [10, 20],
    ]);
    const { body } = await world.person('GET', `/${id}/values/Totals!A1`, { query: { valueRenderOption: 'FORMULA' } });
    expect(body.values).toEqual([['=SUM(Sheet1!A2:A)']]);
    const shared = await drive('GET', `/files/${id}/permissions`, {
      query: { supportsAllDrives: true, fields: 'permissions(emailAddress)' },
    });
    expect(JSON.stringify(shared.body)).toContain(alice);
  });

  test('of the tab that is named, which is made if missing', async () => {
    const { id } = await replace('a\n1\n', { name: 'tabs' });
    const made = await replace('b\n2\n', { name: 'tabs', tab: 'Q4' });
    expect(made.sheet).toMatchObject({ tab: 'Q4', range: "'Q4'!A2" });
    await replace('c\n3\n4\n', { name: 'tabs', tab: 'q4' });
    expect([world.rowsOf(id), world.rowsOf(id, 'Q4')]).toEqual([
      [['a'], [1]],
      [['c'], [3], [4]],
    ]);
  });

  test('by a table of any shape, as it is in the file', async () => {
    const { id } = await replace('a,b\n1,2\n', { name: 'shape' });
    await replace('Report,,\n\nname,name,\nx,1,2,3,4\n', { name: 'shape' });
    expect(world.rowsOf(id)).toEqual([['Report'], [], ['name', 'name'], ['x', 1, 2, 3, 4]]);
    const wide = Array.from({ length: 40 }, (_, column) => `c${column}`).join();
    expect(await replace(`${wide}\n${wide}\n`, { name: 'shape' })).toMatchObject({ sheet: { range: 'Sheet1!A2:AN2' } });
    const long = Array.from({ length: 1_500 }, (_, row) => row).join('\n');
    expect(await replace(`n\n${long}\n`, { name: 'shape' })).toMatchObject({ sheet: { range: 'Sheet1!A2:A1501' } });
    await replace('', { name: 'shape' });
    expect(world.rowsOf(id)).toEqual([]);
  });

  test('from JSON Lines, whose columns are all names of all rows', async () => {
    const source = sourceOf('{"a":"007","b":1.5}\n{"b":true,"c":"x"}\n', 'application/x-ndjson');
    const { id } = await replace('', { name: 'lines' }, { source });
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b', 'c'],
      ['007', 1.5],
      ['', true, 'x'],
    ]);
  });

  test('and rows can be appended afterwards', async () => {
    const { id } = await replace('a,b\n1,2\n', { name: 'both' });
    await world.append(story, 'b,a\n4,3\n', { name: 'both' });
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
      [3, 4],
    ]);
  });

  test('together with the description and the time of the file', async () => {
    const modifiedTime = '2026-01-02T03:04:05.000Z';
    const options = { name: 'details', description: 'nightly', modifiedTime };
    await replace('a\n1\n', options);
    const receipt = await replace('a\n2\n', options);
    expect(receipt).toMatchObject({ outcome: 'replaced', modifiedTime });
    expect(world.filesNamed('details')).toMatchObject([{ description: 'nightly' }]);
  });

  test('by many at once: the tab has the rows of one of them', async () => {
    const { id } = await replace('n\n0\n', { name: 'race' });
    const other = world.instance();
    const csv = (n: number): string => `n\n${Array.from({ length: n }, () => n).join('\n')}\n`;
    await Promise.all([1, 2, 3, 4].map((n) => replace(csv(n), { name: 'race' }, {}, n % 2 ? story : other)));
    const [, ...rows] = world.rowsOf(id);
    expect([1, 2, 3, 4]).toContain(rows.length);
    expect(rows).toEqual(rows.map(() => [rows.length]));
  });
});

describe('a destination with read-only files', () => {
  test('unlocks its sheet for each replacement and each append, and locks it again', async () => {
    const { exporter } = world.google.world.emails;
    const config = { folder: world.google.places.sharedDrive, credentials: 'main', callers: [exporter] };
    const destinations = { default: { ...config, readOnly: true } };
    const locked = createCourierStory(world.google, { ledger: world.ledger, destinations });
    const { id } = await replace('a\n1\n', { name: 'locked' }, {}, locked);
    const drive = apiOf(world.google, world.google.world.emails.courier);
    const isLocked = async () => {
      const query = { supportsAllDrives: true, fields: 'contentRestrictions(readOnly)' };
      return (await drive('GET', `/files/${id}`, { query })).body.contentRestrictions?.[0]?.readOnly;
    };
    expect(await isLocked()).toBe(true);
    expect((await replace('a\n2\n', { name: 'locked' }, {}, locked)).outcome).toBe('replaced');
    await world.append(locked, 'a\n3\n', { name: 'locked' });
    expect([world.rowsOf(id), await isLocked()]).toEqual([[['a'], [2], [3]], true]);
    await expect(replace('a\n1\n', { name: 'locked', tab: 'x'.repeat(101) }, {}, locked)).rejects.toMatchObject({
      code: 'sheet-shape',
    });
    expect(await isLocked()).toBe(true);
    locked.close();
  });
});

describe('exactly once', () => {
  test('a copy of a replacement never overwrites a later one', async () => {
    const name = 'order';
    const old = { idempotencyKey: 'order-1' };
    const first = await replace('a\n1\n', { name }, old);
    await replace('a\n2\n', { name }, { idempotencyKey: 'order-2' });
    expect(await replace('a\n1\n', { name }, old)).toEqual({ ...first, outcome: 'replayed' });
    expect(world.rowsOf(first.id)).toEqual([['a'], [2]]);
    await expect(replace('a\n3\n', { name }, old)).rejects.toMatchObject({ code: 'idempotency-key-reused' });
  });

  test('nor does one whose process ended before its receipt was recorded', async () => {
    const name = 'crash';
    const { id } = await replace('a\n0\n', { name });
    const old = { idempotencyKey: 'crash-1', deadlineMs: Date.now() + 3_500 };
    await expect(replace('a\n1\n', { name }, old, world.instanceWithoutReceipts())).rejects.toMatchObject({
      code: 'google-unavailable',
    });
    await replace('a\n2\n', { name });
    const again = await replace('a\n1\n', { name }, { idempotencyKey: 'crash-1' });
    expect(again).toMatchObject({ id, outcome: 'replayed', sheet: { range: 'Sheet1!A2' } });
    expect(world.rowsOf(id)).toEqual([['a'], [2]]);
  });

  test('nor does one whose answer was lost, in the same process', async () => {
    const name = 'lost';
    const { id } = await replace('a\n0\n', { name });
    const batchUpdates = { method: 'POST', host: 'sheets.googleapis.com', path: '*:batchUpdate' };
    world.google.faults.add({ ...batchUpdates, times: 1, fault: { kind: 'answer-lost' } });
    const before = world.google.sheets.metadataOf(id).length;
    expect(await replace('a\n1\n', { name }, { idempotencyKey: name })).toMatchObject({ sheet: { rows: 1 } });
    expect(world.rowsOf(id)).toEqual([['a'], [1]]);
    expect(world.google.sheets.metadataOf(id)).toHaveLength(before + 1);
  });
});

describe('a replacement is refused, and nothing changes', () => {
  const refusedShape = async (name: string, request: object, reason: string): Promise<void> => {
    const { id } = await replace('a,b\n1,2\n', { name });
    expect((await world.person.batch(id, request)).status).toBe(200);
    await expect(replace('a,b\n3,4\n', { name }, { idempotencyKey: name })).rejects.toMatchObject({
      code: 'sheet-shape',
      reason,
    });
    expect(world.rowsOf(id)).toEqual([
      ['a', 'b'],
      [1, 2],
    ]);
  };

  test('where cells are merged', () =>
    refusedShape(
      'merged',
      {
        mergeCells: { range: { sheetId: 0, startRowIndex: 0, endRowIndex: 1, startColumnIndex: 1, endColumnIndex: 3 } },
      },
      'merged-cells',
    ));

  test('for rows that one request cannot carry', async () => {
    const { id } = await replace('a\n1\n', { name: 'large' });
    const line = `${'x'.repeat(1_000)}\n`;
    await expect(replace(`a\n${line.repeat(10_000)}`, { name: 'large' })).rejects.toMatchObject({ code: 'too-large' });
    expect(world.rowsOf(id)).toEqual([['a'], [1]]);
    const fits = await replace(`a\n${line.repeat(2_500)}`, { name: 'large' });
    expect(fits.sheet?.rows).toBe(2_500);
  });

  test('for a tab and a file without rows, and where another kind of file has the name', async () => {
    const source = sourceOf('PK', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet');
    await expect(replace('', { name: 'book', tab: 'x' }, { source })).rejects.toMatchObject({
      code: 'conversion-refused',
    });
    await world.append(story, 'text', { name: 'plain', onConflict: 'new', convertTo: undefined });
    await expect(replace('a\n1\n', { name: 'plain' })).rejects.toMatchObject({ code: 'name-taken' });
    for (const option of [{ columns: 'strict' }, { rollover: 'monthly' }, { keepRevisionForever: true }]) {
      await expect(replace('a\n1\n', { name: 'book', ...option })).rejects.toMatchObject({ code: 'request-invalid' });
    }
    expect(world.filesNamed('book')).toEqual([]);
  });
});
