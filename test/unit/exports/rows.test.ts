import { expect, test } from '@jest/globals';
import { bytesOf } from '../../../src/exports/bytes/spool.ts';
import { readExportDocument } from '../../../src/exports/export-document.ts';

type Row = Record<string, unknown>;

const rowsSource = async (rows: readonly Row[], options: { rawCells?: boolean } = {}) => {
  const document = JSON.stringify({ name: 'a', source: { rows, ...options } });
  const { inline } = await readExportDocument(bytesOf(Buffer.from(document)));
  if (inline === undefined) throw new Error('the document has no file');
  return inline;
};

const csvOf = async (rows: Row[], options = {}): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await rowsSource(rows, options)).open()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

test('the header contains every key, in the order of first appearance', async () => {
  expect(
    await csvOf([
      { b: 1, a: 2 },
      { c: 3, a: 4 },
    ]),
  ).toBe('b,a,c\r\n1,2,\r\n,4,3\r\n');
});

test('quotes, commas and line breaks are quoted as in RFC 4180', async () => {
  expect(await csvOf([{ t: 'a "b", c' }, { t: 'x\r\ny' }])).toBe('t\r\n"a ""b"", c"\r\n"x\r\ny"\r\n');
});

test.each(['line 1\nline 2', 'u\rv', 'x\n=1+1', 'x\n\ny', '\n'])('the lines of %j stay one cell', async (cell) => {
  expect(await csvOf([{ t: cell, n: 1 }])).toBe(`t,n\r\n"${cell}",1\r\n`);
  expect(await csvOf([{ [cell]: 1 }], { rawCells: true })).toBe(`"${cell}"\r\n1\r\n`);
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('the text %j cannot run as a formula', async (cell) => {
  const escaped = (await csvOf([{ t: cell }])).slice(3).replaceAll('"', '');
  expect(escaped).toBe(`'${cell}\r\n`);
  const raw = (await csvOf([{ t: cell }], { rawCells: true })).slice(3).replaceAll('"', '');
  expect(raw).toBe(`${cell}\r\n`);
});

test('a column name cannot run as a formula either', async () => {
  expect(await csvOf([{ '=cmd': 1 }])).toBe('"\'=cmd"\r\n1\r\n');
});

test('numbers and booleans are unchanged; null is empty; nested values are JSON', async () => {
  expect(await csvOf([{ n: -1.5, t: true, f: false, e: null, o: { a: [1] } }])).toBe(
    'n,t,f,e,o\r\n-1.5,true,false,,"{""a"":[1]}"\r\n',
  );
});

test('a byte order mark is written only if there are non-ASCII characters', async () => {
  expect(await csvOf([{ t: 'Zürich' }])).toBe('\ufefft\r\n"Zürich"\r\n');
  expect(await csvOf([{ t: 'Zurich' }])).toBe('t\r\n"Zurich"\r\n');
});

test('no rows, or rows without cells, are an empty file, and many rows are read in pieces', async () => {
  expect(await csvOf([])).toBe('');
  expect(await csvOf([{}, {}])).toBe('');
  const rows = Array.from({ length: 1_201 }, (_, i) => ({ i }));
  expect((await csvOf(rows)).split('\r\n')).toHaveLength(1_203);
});

test('a file that begins with ID is not mistaken for SYLK by Excel', async () => {
  expect(await csvOf([{ ID: 1, name: 'a' }])).toBe('"ID",name\r\n1,"a"\r\n');
});

test('an empty cell in a single column is still a row', async () => {
  expect(await csvOf([{ a: null }, { a: '' }, { a: 1 }])).toBe('a\r\n""\r\n""\r\n1\r\n');
});

test('only own properties are cells, not inherited ones', async () => {
  expect(await csvOf([{ constructor: 1, toString: 2 }, { a: 3 }] as unknown as Row[])).toBe(
    'constructor,toString,a\r\n1,2,\r\n,,3\r\n',
  );
});

test('more columns or cells than a spreadsheet supports are rejected', async () => {
  const wide = Object.fromEntries(Array.from({ length: 16_385 }, (_, index) => [`c${index}`, 1]));
  await expect(rowsSource([wide])).rejects.toThrow('has 16385 columns or more; the maximum is 16384');
  const sparse = Array.from({ length: 4_000 }, (_, index) => ({ [`c${index}`]: 1 }));
  await expect(rowsSource(sparse)).rejects.toThrow('4000 rows of 4000 columns are more than 10000000 cells');
});

test.each([0, 1, 3, 20_000, 65_536, 100_000, 1_000_000])('it can be read again from byte %d', async (offset) => {
  const rows = Array.from({ length: 9_000 }, (_, index) => ({ index, text: `Zeile ${index} ü` }));
  const whole = Buffer.from(await csvOf(rows));
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await rowsSource(rows)).openAt?.(offset) ?? []) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(whole.subarray(offset))).toBe(true);
});
