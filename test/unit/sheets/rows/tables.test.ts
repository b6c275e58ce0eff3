import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import readExcelFile from 'read-excel-file/node';
import { csvOf, type RandomTable, randomTables } from '../../../support/rows/random-tables.ts';
import { keyOf, type SheetsInTime, startSheetsInTime } from '../../../support/rows/sheets-in-time.ts';

/**
 * Random tables go into a sheet, and the same cells come out of Drive's exports. For more of them, or others:
 * `TABLES=2000 SEED=7 npm test -- test/unit/sheets/rows/tables.test.ts`
 */
const { TABLES = '12', SEED = '20261129' } = process.env;
const RUNS = { numRuns: Number(TABLES), seed: Number(SEED) };

let world: SheetsInTime;
beforeAll(async () => {
  world = await startSheetsInTime();
});
afterAll(() => world?.close());

const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

const exported = async (id: string, mimeType: string): Promise<Buffer> => {
  const { origin } = world.google;
  const token = world.google.world.accessToken(world.google.world.emails.courier, [
    'https://www.googleapis.com/auth/drive',
  ]);
  const url = `${origin}/www.googleapis.com/drive/v3/files/${id}/export?mimeType=${encodeURIComponent(mimeType)}`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
};

/** The name of a column as it is compared: composed, and without space around it. */
const names = ({ columns }: RandomTable): string[] => columns.map((name) => name.normalize('NFC').trim());

const withoutTail = <Value>(cells: readonly Value[], empty: Value): Value[] =>
  cells.slice(0, cells.findLastIndex((cell) => cell !== empty) + 1);

/** What CSV shows: texts as they are; of a number the digits that its automatic format shows. */
const isShown = (shown: string, meant: RandomTable['rows'][number][number]['meant']): boolean => {
  if (meant === null) return shown === '';
  if (typeof meant === 'string') return shown === meant;
  if (typeof meant === 'boolean') return shown === String(meant).toUpperCase();
  if (typeof meant === 'object') return shown === meant.date;
  return shown !== '' && Math.abs(Number(shown) - meant) <= Math.abs(meant) * 1e-5;
};

/** XML has one kind of line break. */
const inXml = (value: unknown): unknown => {
  if (value instanceof Date) return { date: value.toISOString().slice(0, 10) };
  return typeof value === 'string' ? value.replaceAll('\r\n', '\n') : value;
};

test('random tables come out of the exports as they went in', async () => {
  let serial = 0;
  await fc.assert(
    fc.asyncProperty(randomTables, async (table) => {
      const id = await world.create();
      const key = keyOf(`table-${serial++}`);
      await world.run(world.append(world.instance(), id, { key, csv: csvOf(table), dates: table.dates }));

      const text = parse((await exported(id, 'text/csv')).toString(), { relax_column_count: true }) as string[][];
      expect(text[0]).toEqual(names(table));
      expect(text).toHaveLength(table.rows.length + 1);
      for (const [at, cells] of table.rows.entries()) {
        const wrong = cells.filter(({ meant }, column) => !isShown(text[at + 1]?.[column] ?? '', meant));
        expect({ wrong, row: text[at + 1] }).toMatchObject({ wrong: [] });
      }

      const [sheet] = await readExcelFile(await exported(id, XLSX), { trim: false });
      const rows = (sheet?.data ?? []).slice(1).map((cells) => withoutTail(cells.map(inXml), null));
      expect(rows).toEqual(
        table.rows.map((cells) =>
          withoutTail(
            cells.map(({ meant }) => inXml(meant)),
            null,
          ),
        ),
      );
    }),
    RUNS,
  );
});
