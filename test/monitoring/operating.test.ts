import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ERRORS } from '../../src/errors.ts';
import { gcloudCommandsIn, hasGcloud, lintGcloud } from '../support/gcloud-lint.ts';

const DOCS = new URL('../../docs/', import.meta.url);
const pages = ['operating.md', 'security.md'].map((name): [string, string] => [
  name,
  readFileSync(new URL(name, DOCS), 'utf8'),
]);
const blocksOf = (text: string): string[] => [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);

if (!hasGcloud) console.warn('SKIPPED: gcloud is not installed, so it cannot look at the commands of docs/');

describe.each(pages)('docs/%s', (_, text) => {
  test('every page that it leads to is there', () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((path) => !existsSync(new URL(path, DOCS)))).toEqual([]);
  });

  (hasGcloud ? test : test.skip)(
    'every command is one that gcloud knows',
    async () => {
      const commands = blocksOf(text).flatMap(gcloudCommandsIn);
      expect(await lintGcloud(commands)).toEqual([]);
    },
    120_000,
  );

  test('every command is gcloud’s, the client’s or a script that is there', () => {
    const others = blocksOf(text)
      .flatMap((block) => block.replaceAll('\\\n', ' ').trim().split('\n'))
      .filter((line) => !line.startsWith('gcloud ') && !/^courier (doctor|whoami)/.test(line))
      .map((line) => line.split(' ')[0] ?? '');
    expect(others.filter((path) => !existsSync(new URL(`../${path}`, DOCS)))).toEqual([]);
  });
});

test('the operating page names every metric that the courier sends, and no other', () => {
  const [, text = ''] = pages[0] ?? [];
  const source = readFileSync(new URL('../../src/telemetry.ts', import.meta.url), 'utf8');
  const made = [...source.matchAll(/create\w+\('([\w.]+)'/g)].map(([, name]) => name);
  const told = [...text.matchAll(/`((?:courier|http\.server)\.[\w.]+)`/g)].map(([, name]) => name);
  expect(made.length).toBeGreaterThan(8);
  expect(new Set(told)).toEqual(new Set(made));
});

test('every error code that the operating page names exists', () => {
  const [, text = ''] = pages[0] ?? [];
  const codes = Object.keys(ERRORS);
  const told = [...text.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code = '']) => code);
  expect(told.length).toBeGreaterThan(10);
  expect(told.filter((code) => !codes.includes(code))).toEqual([]);
});
