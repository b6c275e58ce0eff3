import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type SheetsApi, sheetsOf } from '../../local/sheets/sheets-api.ts';
import { large, markKey, ROWS, WANTED, WHOLE } from '../../support/rows/large-delivery.ts';
import { type Instance, keyOf, type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

/** The rows of a delivery are in one tab, whatever people do to the tabs between its changes or between its tries. */

let world: SheetsInTime;
let person: SheetsApi;
beforeAll(async () => {
  world = await startSheetsInTime();
  person = sheetsOf(world.google, world.google.world.emails.courier);
});
afterAll(() => world?.close());

const rowsOf = (id: string, tab?: string) => world.google.sheets.rowsOf(id, tab);

const edit = async (id: string, ...requests: object[]): Promise<void> => {
  const { status, body } = await person.batch(id, ...requests);
  expect([status, body.error]).toEqual([200, undefined]);
};
const tabsOf = async (id: string): Promise<{ sheetId: number; title: string }[]> => {
  const { body } = await person('GET', `/${id}`, { query: { fields: 'sheets(properties(sheetId,title))' } });
  return body.sheets.map(({ properties }: { properties: { sheetId: number; title: string } }) => properties);
};
const idOf = async (id: string, wantedTitle: string): Promise<number> =>
  (await tabsOf(id)).find(({ title }) => title === wantedTitle)?.sheetId ?? -1;

const addFirst = (title: string) => ({ addSheet: { properties: { title, index: 0 } } });
const rename = (sheetId: number, title: string) => ({
  updateSheetProperties: { properties: { sheetId, title }, fields: 'title' },
});

/** Ends an instance with its first change of a delivery. */
const interrupted = async (name: string, tab?: string) => {
  const [id, ended, later] = [await world.create(), world.instance(), world.instance()];
  const append = large(name, tab);
  ended.kill(1);
  world.append(ended, id, append).catch(() => undefined);
  await world.run(world.sleep(2_000));

  expect(rowsOf(id, tab)).toEqual(WHOLE.slice(0, 11));

  const retry = () => world.run(world.append(later, id, { ...append, mayBeDone: true }));
  return { id, tab: tab ?? 'Sheet1', sheetId: await idOf(id, tab ?? 'Sheet1'), retry, later };
};

type Interrupted = Awaited<ReturnType<typeof interrupted>>;

/** What a person does to the tab that has the first rows, and what it is called afterwards. */
const ACTS: readonly [string, (of: Pick<Interrupted, 'id' | 'sheetId'>) => Promise<void>, string | undefined][] = [
  ['moves another tab to the front', ({ id }) => edit(id, addFirst('Other')), undefined],
  ['renames the tab', ({ id, sheetId }) => edit(id, rename(sheetId, 'Renamed')), 'Renamed'],
  [
    'renames the tab, and gives its name to another one in front of it',
    async ({ id, sheetId }) => {
      const { title } = (await tabsOf(id)).find((tab) => tab.sheetId === sheetId) ?? { title: '' };
      await edit(id, rename(sheetId, 'Renamed'), addFirst(title));
    },
    'Renamed',
  ],
  [
    'hides the tab',
    async ({ id, sheetId }) => {
      const properties = { sheetId, hidden: true };
      await edit(id, addFirst('Other'), { updateSheetProperties: { properties, fields: 'hidden' } });
    },
    undefined,
  ],
  [
    'puts a tab in front of it to which no rows can be appended',
    async ({ id }) => {
      await edit(id, addFirst('Odd'));
      const sheetId = await idOf(id, 'Odd');
      const cell = { values: [{ userEnteredValue: { stringValue: 'x' } }] };
      await edit(id, { updateCells: { start: { sheetId, rowIndex: 5 }, rows: [cell], fields: 'userEnteredValue' } });
    },
    undefined,
  ],
];

describe.each([undefined, 'Named'])('between two tries of a delivery to the tab %s, a person', (tab) => {
  test.each(ACTS)('%s: the retry continues there', async (what, act, renamed) => {
    const { retry, ...of } = await interrupted(`${what} ${tab}`, tab);
    await act(of);
    const title = renamed ?? of.tab;
    const before = await tabsOf(of.id);
    expect(await retry()).toMatchObject({ rows: ROWS, sheetId: of.sheetId, tab: title, range: `${title}!A2:B31` });
    expect(rowsOf(of.id, title)).toEqual(WHOLE);
    expect(await tabsOf(of.id)).toEqual(before);
  });

  test.each(ACTS)('%s after the last change: the receipt names the rows', async (what, act, renamed) => {
    const [id, ended, later] = [await world.create(), world.instance(), world.instance()];
    const append = large(`all ${what} ${tab}`, tab);
    const written = await world.run(world.append(ended, id, append));
    await act({ id, sheetId: written.sheetId });
    const title = renamed ?? written.tab;
    const again = await world.run(world.append(later, id, { ...append, mayBeDone: true }));
    expect(again).toEqual({ ...written, isRepeated: true, tab: title, range: `${title}!A2:B31` });
  });
});

/** Runs an act between the first change of a delivery and the second. */
const betweenChanges = async (
  name: string,
  tab: string | undefined,
  act: (of: Pick<Interrupted, 'id' | 'sheetId'>) => Promise<void>,
) => {
  const [id, courier] = [await world.create(), world.instance()];
  const title = tab ?? 'Sheet1';
  courier.afterChange(async () => {
    expect(rowsOf(id, title)).toEqual(WHOLE.slice(0, 11));
    await act({ id, sheetId: await idOf(id, title) });
  });
  return { id, title, written: world.run(world.append(courier, id, large(name, tab))) };
};

describe.each([undefined, 'Named'])('between two changes of one try to the tab %s, a person', (tab) => {
  test.each(ACTS)('%s: the rest follows there', async (what, act, renamed) => {
    const { id, title: first, written } = await betweenChanges(`try ${what} ${tab}`, tab, act);
    const title = renamed ?? first;
    expect(await written).toMatchObject({ rows: ROWS, tab: title, range: `${title}!A2:B31` });
    expect(rowsOf(id, title)).toEqual(WHOLE);
  });

  test('deletes the tab: the try ends, and the retry delivers all rows', async () => {
    const name = `deleted ${tab}`;
    const { id, written } = await betweenChanges(name, tab, ({ id, sheetId }) =>
      edit(id, addFirst('Other'), { deleteSheet: { sheetId } }),
    );
    await expect(written).rejects.toMatchObject({ code: 'drive-unavailable', retryable: true });
    const title = tab ?? 'Other';
    const retried = world.append(world.instance(), id, { ...large(name, tab), mayBeDone: true });
    expect(await world.run(retried)).toMatchObject({ rows: ROWS, tab: title, range: `${title}!A2:B31` });
    expect(rowsOf(id, title)).toEqual(WHOLE);
  });
});

const deleteTab = ({ id, sheetId }: Pick<Interrupted, 'id' | 'sheetId'>) =>
  edit(id, addFirst('Other'), { deleteSheet: { sheetId } });

/** A delivery of one row with another key. */
const other = (courier: Instance, id: string, tab?: string) =>
  world.append(courier, id, { key: keyOf('other'), csv: 'n,text\n1,other\n', ...(tab === undefined ? {} : { tab }) });

test('the tabs of a spreadsheet are looked up without the cells of all of them', async () => {
  const { retry, later, ...of } = await interrupted('no cells', 'Named');
  world.google.calls.clear();
  await edit(of.id, rename(of.sheetId, 'Renamed'));
  expect(await retry()).toMatchObject({ rows: ROWS });
  await world.run(other(later, of.id, 'New'));
  const queries = world.google.calls.list({ method: 'GET', host: 'sheets.googleapis.com' }).map(({ query }) => query);
  const overviews = queries.filter((query) => !query.includes('ranges'));
  expect(overviews.length).toBeGreaterThan(1);
  expect(overviews.filter((query) => query.includes('rowData'))).toEqual([]);
});

describe('rows that were deleted with their tab', () => {
  test.each([undefined, 'Named'])('are delivered again with the rest of their delivery: to the tab %s', async (tab) => {
    const { id, retry, later, ...of } = await interrupted(`again ${tab}`, tab);
    await deleteTab({ id, ...of });
    const title = tab ?? 'Other';
    expect(await retry()).toMatchObject({ rows: ROWS, tab: title, range: `${title}!A2:B31`, isRepeated: false });
    expect(rowsOf(id, title)).toEqual(WHOLE);
    // The marks are those of the new rows.
    const marks = world.google.sheets.metadataOf(id).length;
    expect([marks, later.changes()]).toEqual([3, 3]);
    expect(await retry()).toMatchObject({ rows: ROWS, range: `${title}!A2:B31`, isRepeated: true });
  });

  test('are delivered again, also if the retry is interrupted and its tab is deleted as well', async () => {
    const { id, retry, ...of } = await interrupted('twice', 'Named');
    await deleteTab({ id, ...of });
    const ended = world.instance();
    ended.kill(2);
    world.append(ended, id, { ...large('twice', 'Named'), mayBeDone: true }).catch(() => undefined);
    await world.run(world.sleep(60_000));
    expect(rowsOf(id, 'Named')).toEqual(WHOLE.slice(0, 21));
    await edit(id, { deleteSheet: { sheetId: await idOf(id, 'Named') } });
    expect(await retry()).toMatchObject({ rows: ROWS, range: 'Named!A2:B31' });
    expect(rowsOf(id, 'Named')).toEqual(WHOLE);
  });

  test.each(['append', 'replace'] as const)(
    'are delivered again, also if another delivery has made a tab of the name since: %s',
    async (rule) => {
      const { id, retry, later, ...of } = await interrupted(`made anew ${rule}`, 'Named');
      await deleteTab({ id, ...of });
      if (rule === 'append') await world.run(other(later, id, 'Named'));
      else await world.run(world.replace(later, id, { key: keyOf('other'), csv: 'n,text\n1,other\n', tab: 'Named' }));
      expect(await retry()).toMatchObject({ rows: ROWS, range: 'Named!A3:B32' });
      expect(rowsOf(id, 'Named')).toEqual([['n', 'text'], [1, 'other'], ...WANTED]);
    },
  );

  test('stay deleted if all rows of the delivery were there', async () => {
    const [id, courier, later] = [await world.create(), world.instance(), world.instance()];
    const { sheetId } = await world.run(world.append(courier, id, large('complete')));
    await deleteTab({ id, sheetId });
    const again = world.append(later, id, { ...large('complete'), mayBeDone: true });
    expect(await world.run(again)).toMatchObject({ rows: ROWS, tab: '', range: '', isRepeated: true });
    expect(later.changes()).toBe(0);
  });

  test('do not keep a later try from another spreadsheet', async () => {
    const { id, later, ...of } = await interrupted('leaves');
    const context = { deadlineMs: world.now() + 600_000 };
    const isMarked = () => world.run(later.sheets.isMarked(id, markKey('leaves'), context));
    expect(await isMarked()).toBe(true);
    await deleteTab({ id, ...of });
    expect(await isMarked()).toBe(false);
  });
});

/** Replaces all tabs by those of another file, which Drive converts. */
const convertInto = async (id: string): Promise<void> => {
  const { origin, world: accounts } = world.google;
  const token = accounts.accessToken(accounts.emails.courier, ['https://www.googleapis.com/auth/drive']);
  const url = `${origin}/www.googleapis.com/upload/drive/v3/files/${id}?uploadType=media&supportsAllDrives=true`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/csv' };
  const { status } = await fetch(url, { method: 'PATCH', headers, body: 'n,text\n1,other\n' });
  expect(status).toBe(200);
};

describe('rows that a conversion of the whole file has replaced', () => {
  test('between two changes end the try, and the retry delivers all rows', async () => {
    const { id, written } = await betweenChanges('converted', undefined, ({ id: sheet }) => convertInto(sheet));
    await expect(written).rejects.toMatchObject({ code: 'drive-unavailable', retryable: true });
    const retried = world.append(world.instance(), id, { ...large('converted'), mayBeDone: true });
    expect(await world.run(retried)).toMatchObject({ rows: ROWS });
    expect(rowsOf(id)).toEqual([['n', 'text'], [1, 'other'], ...WANTED]);
  });

  test('between two tries are delivered again', async () => {
    const { id, retry } = await interrupted('converted later');
    await convertInto(id);
    expect(await retry()).toMatchObject({ rows: ROWS });
    expect(rowsOf(id)).toEqual([['n', 'text'], [1, 'other'], ...WANTED]);
  });
});

describe('rows that another delivery has replaced', () => {
  test.each([undefined, 'Named'])('are delivered again with the rest of their delivery: in the tab %s', async (tab) => {
    const { id, retry, later, tab: title } = await interrupted(`replaced ${tab}`, tab);
    const replacement = { key: keyOf('replacement'), csv: 'n,text\n1,other\n', ...(tab === undefined ? {} : { tab }) };
    await world.run(world.replace(later, id, replacement));
    expect(await retry()).toMatchObject({ rows: ROWS, range: `${title}!A3:B32`, isRepeated: false });
    expect(rowsOf(id, title)).toEqual([['n', 'text'], [1, 'other'], ...WANTED]);
  });

  test('are not delivered again if all rows of the delivery were there, or if they are in another tab', async () => {
    const { id, retry, later } = await interrupted('kept', 'Named');
    const complete = { key: markKey('all there'), csv: 'n,text\n5,five\n' };
    const written = await world.run(world.append(later, id, complete));
    await world.run(world.replace(later, id, { key: keyOf('replacement'), csv: 'n,text\n1,other\n' }));
    const again = world.append(world.instance(), id, { ...complete, mayBeDone: true });
    expect(await world.run(again)).toEqual({ ...written, isRepeated: true });
    expect(await retry()).toMatchObject({ rows: ROWS, range: 'Named!A2:B31' });
    expect([rowsOf(id, 'Sheet1'), rowsOf(id, 'Named')]).toEqual([
      [
        ['n', 'text'],
        [1, 'other'],
      ],
      WHOLE,
    ]);
  });
});
