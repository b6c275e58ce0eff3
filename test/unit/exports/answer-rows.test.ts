import { expect, test } from '@jest/globals';
import { answerRows } from '../../../src/exports/bigquery/answer-rows.ts';

const struct = { f: [{ v: 'x' }, { v: [{ v: { f: [{ v: '1' }] } }, { v: { f: [{ v: '2' }] } }] }] };
/** Texts that look like the beginning of rows. */
const TEXTS = [
  ',{"f":[',
  ', { "f": [',
  'f',
  '"f":[',
  '"rows":[{"f":[',
  '\\',
  '\\",{"f":[',
  'é'.repeat(1_000),
  '',
  null,
];
const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    f: [{ v: String(index) }, { v: TEXTS[index % TEXTS.length] }, { v: struct }, { v: [] }],
  }));

const HEAD = { kind: 'k', schema: { fields: [{ name: 'rows', type: 'STRING' }] }, jobComplete: true };
const TAIL = { pageToken: 'next', totalRows: '7' };

test.each([0, 1, 2, 3_000])('%i rows of an answer are those of JSON.parse, in groups', (count) => {
  const rows = rowsOf(count);
  const answer = { ...HEAD, ...(count === 0 ? {} : { rows }), ...TAIL };
  for (const indent of [undefined, 2]) {
    const { rest, groups, rowBytes } = answerRows(Buffer.from(JSON.stringify(answer, undefined, indent)));
    expect(rest).toEqual({ ...HEAD, ...TAIL });
    const found = [...groups()];
    expect(found.flat()).toEqual(rows);
    expect(rowBytes).toBeGreaterThan(0);
    if (count > 100) expect(found.length).toBeGreaterThan(5);
  }
});

test('rows may come last or first', () => {
  for (const answer of [
    { ...HEAD, rows: rowsOf(9) },
    { rows: rowsOf(9), ...HEAD },
  ])
    expect([...answerRows(Buffer.from(JSON.stringify(answer))).groups()].flat()).toEqual(rowsOf(9));
});

test('what is not JSON is an error', () => {
  expect(() => answerRows(Buffer.from('<html>'))).toThrow(SyntaxError);
});
