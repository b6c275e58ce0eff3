import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Report } from '../../bench/figures.ts';
import { HEADLINES, headlineTable } from '../../bench/headlines.ts';
import { REPOSITORY } from '../support/pages.ts';

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');

/** The figure of a bound, as docs/benchmarks.md has it. */
const figureOf = (bound: string): string | undefined =>
  read('docs/benchmarks.md')
    .split('\n')
    .map((line) => /^- (?:reached|MISSED) {1,3}(.+): (\S+)(?: \S+)? \(/.exec(line))
    .find((match) => match?.[1] === bound)?.[2];

const reportWith = (...names: string[]): Report => ({
  ...{ title: '', how: '', columns: [], rows: [] },
  bounds: names.map((what) => ({ what, value: 0.5, limit: 1 })),
});

describe('the ratios of README', () => {
  test.each(HEADLINES)('%s', (words, bound) => {
    const figure = figureOf(bound);
    expect(figure).toMatch(/^\d+\.\d+$/);
    expect(read('README.md')).toContain(`| ${words} | ${figure} |`);
  });

  test('are taken from the report that contains them', () => {
    const [first = '', ...others] = HEADLINES.map(([, bound]) => bound);
    expect(headlineTable([reportWith(first), reportWith('another', ...others)]).split('\n')).toHaveLength(6);
  });

  test('cannot be written if one of them is missing', () => {
    const [, ...others] = HEADLINES.map(([, bound]) => bound);
    expect(() => headlineTable([reportWith(...others)])).toThrow('was not measured');
  });
});
