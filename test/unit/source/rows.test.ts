import { expect, test } from '@jest/globals';
import { type Row, rowsSource } from '../../../src/source/rows.ts';

const csvOf = async (rows: Row[], options = {}): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of rowsSource(rows, options).open()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

test('the header has every key, in the order in which it is first seen', async () => {
  expect(
    await csvOf([
      { b: 1, a: 2 },
      { c: 3, a: 4 },
    ]),
  ).toBe('b,a,c\r\n1,2,\r\n,4,3\r\n');
});

test('quotes, commas and line breaks are quoted as RFC 4180 says', async () => {
  expect(await csvOf([{ t: 'a "b", c' }, { t: 'x\r\ny' }])).toBe('t\r\n"a ""b"", c"\r\n"x\r\ny"\r\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx'])('the text %j cannot run as a formula', async (cell) => {
  const escaped = (await csvOf([{ t: cell }])).slice(3).replaceAll('"', '');
  expect(escaped).toBe(`'${cell}\r\n`);
  const raw = (await csvOf([{ t: cell }], { rawCells: true })).slice(3).replaceAll('"', '');
  expect(raw).toBe(`${cell}\r\n`);
});

test('a column name cannot run as a formula either', async () => {
  expect(await csvOf([{ '=cmd': 1 }])).toBe("'=cmd\r\n1\r\n");
});

test('numbers and booleans are as they are; nothing is empty; what is nested is JSON', async () => {
  expect(await csvOf([{ n: -1.5, t: true, f: false, e: null, o: { a: [1] } }])).toBe(
    'n,t,f,e,o\r\n-1.5,true,false,,"{""a"":[1]}"\r\n',
  );
});

test('a byte order mark goes first only when something is not ASCII', async () => {
  expect(await csvOf([{ t: 'Zürich' }])).toBe('\ufefft\r\nZürich\r\n');
  expect(await csvOf([{ t: 'Zurich' }])).toBe('t\r\nZurich\r\n');
});

test('no rows, or rows without cells, are an empty file, and many rows are read in pieces', async () => {
  expect(await csvOf([])).toBe('');
  expect(await csvOf([{}, {}])).toBe('');
  const rows = Array.from({ length: 1_201 }, (_, i) => ({ i }));
  expect((await csvOf(rows)).split('\r\n')).toHaveLength(1_203);
});
