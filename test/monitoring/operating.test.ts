import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ERRORS } from '../../src/errors.ts';

const PAGE = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');

test('the operating page names exactly the metrics that the courier sends', () => {
  const source = readFileSync(new URL('../../src/telemetry.ts', import.meta.url), 'utf8');
  const made = [...source.matchAll(/create\w+\(\s*'([\w.]+)'/g)].map(([, name]) => name);
  const told = [...PAGE.matchAll(/`((?:courier|http\.server)\.[\w.]+)`/g)].map(([, name]) => name);
  expect(made.length).toBeGreaterThan(8);
  expect(new Set(told)).toEqual(new Set(made));
});

test('every error code that the operating page names exists', () => {
  const codes = Object.keys(ERRORS);
  const told = [...PAGE.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code = '']) => code);
  expect(told.length).toBeGreaterThan(10);
  expect(told.filter((code) => !codes.includes(code))).toEqual([]);
});
