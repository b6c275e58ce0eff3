import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { batchesOf } from '../../../src/sheets/rows/batches.ts';
import { readRows } from '../../../src/sheets/rows/read-rows.ts';
import { type SheetsApi, sheetsOf } from '../../local/sheets/sheets-api.ts';
import { large, ROWS, WANTED, WHOLE } from '../../support/rows/large-delivery.ts';
import { type SheetsInTime, startSheetsInTime } from '../../support/rows/sheets-in-time.ts';

/** What the marks of a delivery tell its later changes and tries, in rare cases. */

let world: SheetsInTime;
let person: SheetsApi;
beforeAll(async () => {
  world = await startSheetsInTime();
  person = sheetsOf(world.google, world.google.world.emails.courier);
});
afterAll(() => world?.close());

const edit = async (id: string, ...requests: object[]): Promise<void> => {
  const { status, body } = await person.batch(id, ...requests);
  expect([status, body.error]).toEqual([200, undefined]);
};

/** The mark of a change of the delivery, as if its rows were in another tab. */
const markIn = async (sheetId: number, name: string, batch: number): Promise<object> => {
  const id = await world.create();
  await world.run(world.append(world.instance(), id, large(name)));
  const mark = world.google.sheets.metadataOf(id)[batch];
  const parts = mark?.value?.split(' ') ?? [];
  expect(parts[2]).toBe(String(batch));
  const metadataValue = parts.with(5, sheetId.toString(36)).join(' ');
  const location = { spreadsheet: true };
  const developerMetadata = { metadataId: mark?.id, metadataKey: 'courier', metadataValue, location };
  return { createDeveloperMetadata: { developerMetadata: { ...developerMetadata, visibility: 'DOCUMENT' } } };
};

test('a retry continues although the last of two tabs, into which an earlier version has written, was deleted', async () => {
  const name = 'two tabs';
  const [id, ended, later] = [await world.create(), world.instance(), world.instance()];
  ended.kill(1);
  world.append(ended, id, large(name)).catch(() => undefined);
  await world.run(world.sleep(2_000));
  const second = 77;
  await edit(id, { addSheet: { properties: { sheetId: second, title: 'Second' } } }, await markIn(second, name, 1));
  await edit(id, { deleteSheet: { sheetId: second } });
  const written = await world.run(world.append(later, id, { ...large(name), mayBeDone: true }));
  expect(written).toMatchObject({ rows: ROWS, tab: 'Sheet1', range: 'Sheet1!A2:B21' });
  // The rows that people have deleted with their tab stay deleted.
  expect(world.google.sheets.rowsOf(id)).toEqual([...WHOLE.slice(0, 11), ...WANTED.slice(20)]);
});

test('a receipt has no range of a tab that is deleted while a retry looks for its rows', async () => {
  const { csv, maxBatchBytes, key } = large('deleted meanwhile');
  const [id, courier, later] = [await world.create(), world.instance(), world.instance()];
  const { sheetId } = await world.run(world.append(courier, id, { csv, maxBatchBytes, key }));
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(csv);
  }
  async function* batches() {
    for await (const batch of batchesOf(readRows(bytes(), { mimeType: 'text/csv', dates: false }), maxBatchBytes)) {
      if (batch.index === 1) await edit(id, { addSheet: {} }, { deleteSheet: { sheetId } });
      yield batch;
    }
  }
  const context = { deadlineMs: world.now() + 600_000 };
  const asked = { spreadsheetId: id, key, columns: 'extend', mayBeDone: true, batches: batches(), context } as const;
  const again = await world.run(later.sheets.append(asked));
  expect(again).toMatchObject({ rows: ROWS, sheetId, tab: '', range: '', isRepeated: true });
});

test('a delivery continues although only the search shows the marks of its first rows', async () => {
  const [id, courier] = [await world.create(), world.instance()];
  courier.hideMarks();
  const written = await world.run(world.append(courier, id, large('only the search')));
  expect(written).toMatchObject({ rows: ROWS, range: 'Sheet1!A2:B31' });
  expect(world.google.sheets.rowsOf(id)).toEqual(WHOLE);
});
