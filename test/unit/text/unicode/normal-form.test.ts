import { describe, expect, test } from '@jest/globals';
import { placeOfEntry } from '../../../../src/archives/entry-place.ts';
import { placeOfObject } from '../../../../src/exports/object-place.ts';
import { columnName } from '../../../../src/sheets/rows/table.ts';
import { fileName, folderPath } from '../../../../src/text/file-name.ts';
import { busyMsOf } from '../../../support/processes/loop-delay.ts';

/** Combining marks that are sorted in quadratic time. */
const marks = (units: number): string => '\u0315\u0300\u05ae\u0300'.repeat(units / 4);

const MAX_BUSY_MS = 100;

const fails = (work: () => unknown) => () => expect(work).toThrow();

describe('names of combining marks take linear time', () => {
  // 50,000 units took more than a second, and 16,000 of them 150 ms.
  test.each([
    ['a file', fails(() => fileName.parse(`a${marks(16_000)}`))],
    ['a path', fails(() => folderPath.parse(Array(30).fill(marks(16_000)).join('/')))],
    ['an entry of an archive', fails(() => placeOfEntry(marks(64_000), ''))],
    ['an object', () => placeOfObject(marks(64_000))],
    ['a column', () => columnName(`a${marks(48_000)}`)],
  ])('%s', async (_, work) => expect(await busyMsOf(MAX_BUSY_MS, work)).toBeLessThan(MAX_BUSY_MS));
});

describe('names are normalized and trimmed', () => {
  test.each([
    ['cafe\u0301', 'caf\u00e9'],
    [`${' '.repeat(5_000)}cafe\u0301${'\u3000'.repeat(5_000)}`, 'caf\u00e9'],
    ['\u2126'.repeat(255), '\u03a9'.repeat(255)],
    // The longest: four code points are composed to one.
    ['\u03b1\u0313\u0300\u0345'.repeat(255), '\u1f82'.repeat(255)],
    ['\u{11099}\u{110ba}'.repeat(255), '\u{1109a}'.repeat(255)],
  ])('%#', (given, expected) => expect(fileName.parse(given)).toBe(expected));

  test('a column with few marks is composed, however long it is', () => {
    expect(columnName(` ${'e\u0301'.repeat(20_000)} `)).toBe('\u00e9'.repeat(20_000));
  });

  test.each(['a/ .. /b', 'a/\u2000..\u3000'])('%j has the parent folder', (name) => {
    expect(() => placeOfEntry(name, '')).toThrow(expect.objectContaining({ code: 'path-invalid' }));
    expect(placeOfObject(name)).toMatchObject({ isLoss: true });
  });
});
