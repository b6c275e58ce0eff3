import { expect, test } from '@jest/globals';
import { isAllowedSource } from '../../../src/exports/source-access.ts';
import { parseObjectName } from '../../../src/exports/sources/object-name.ts';

const SOURCES = ['gs://exports/ready/', 'gs://archive/', 'gs://odd/100% safe/#1/'];

test.each([
  'gs://exports/ready/a.csv',
  'gs://exports/ready/a.csv#17',
  'gs://exports/ready/2026/11/a b.csv',
  'gs://exports/ready/a..b.csv',
  'gs://exports/ready/...',
  'gs://exports/ready//a.csv',
  'gs://archive/a.csv',
  'gs://archive/finance/salaries.csv',
  'gs://odd/100% safe/#1/a.csv',
])('%s may be delivered', (name) => {
  expect(isAllowedSource(SOURCES, parseObjectName(name))).toBe(true);
});

test.each([
  'gs://exports/a.csv',
  'gs://exports/ready',
  'gs://exports/ready.csv',
  'gs://exports/ready-private/a.csv',
  'gs://exports/Ready/a.csv',
  'gs://exports/%72eady/a.csv',
  'gs://exports/ready%2Fa.csv',
  'gs://exports/ready\\a.csv',
  'gs://exports//ready/a.csv',
  'gs://exports/x/ready/a.csv',
  'gs://exports/ready/../finance/salaries.csv',
  'gs://exports/ready/./a.csv',
  'gs://exports/ready/..',
  'gs://archive/../exports/ready/a.csv',
  'gs://exports2/ready/a.csv',
  'gs://my-exports/ready/a.csv',
  'gs://exports.evil.example/ready/a.csv',
  'gs://archive-private/a.csv',
  'gs://odd/100%25 safe/%231/a.csv',
])('%s may not be delivered', (name) => {
  expect(isAllowedSource(SOURCES, parseObjectName(name))).toBe(false);
});

test('nothing may be delivered if nothing is listed', () => {
  expect(isAllowedSource([], parseObjectName('gs://archive/a.csv'))).toBe(false);
});
