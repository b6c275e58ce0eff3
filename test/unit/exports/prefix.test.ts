import { describe, expect, test } from '@jest/globals';
import { globMatcher } from '../../../src/exports/prefix/glob.ts';
import { listObjects } from '../../../src/exports/prefix/list-objects.ts';
import { parsePrefix, relativeName } from '../../../src/exports/prefix/prefix.ts';
import { filesOfPrefix, keyOfObject } from '../../../src/exports/prefix/prefix-files.ts';
import type { CloudStorageDependencies } from '../../../src/exports/sources/cloud-storage.ts';
import { busyMsOf } from '../../support/processes/loop-delay.ts';

async function* streamed<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

describe('a glob', () => {
  test.each([
    ['*.csv', 'a.csv', true],
    ['*.csv', 'deep/er/a.csv', true],
    ['*.csv', 'a.csv.gz', false],
    ['*.csv', '.csv', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['a?c', 'a😀c', true],
    ['2026/*.csv', '2026/a.csv', true],
    ['2026/*.csv', '2026/11/a.csv', false],
    ['2026/*.csv', 'x/2026/a.csv', false],
    ['2026/**', '2026/11/a.csv', true],
    ['**/a.csv', 'a.csv', true],
    ['**/a.csv', 'x/y/a.csv', true],
    ['**/a.csv', 'x/ba.csv', false],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a.c', 'abc', false],
    ['日本*', '日本語.csv', true],
  ])('%j matches %j: %j', (glob, name, expected) => {
    expect(globMatcher(glob)(name)).toBe(expected);
  });

  test.each(['', 'x'.repeat(257), '[a-z]', '{a,b}', 'a\\b', '!a'])('%j is refused', (glob) => {
    expect(() => globMatcher(glob)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });

  // With sets of positions, eight names took 200 ms.
  test.each([
    [`${'*a'.repeat(120)}b`, 'a'.repeat(1024)],
    [`${'**/'.repeat(80)}*a`, 'a/'.repeat(512)],
    [`${'**'.repeat(127)}b`, 'a/'.repeat(512)],
  ])('%# takes linear time', async (glob, name) => {
    const matches = globMatcher(glob);
    matches(name);
    const work = (): void => {
      for (let turn = 0; turn < 8; turn += 1) expect(matches(name)).toBe(false);
    };
    expect(await busyMsOf(150, work)).toBeLessThan(150);
  });

  test('compares the names of a page in many turns of the event loop', async () => {
    const items = Array.from({ length: 1_000 }, (_, index) => ({ name: `${index}`, generation: '1', size: '1' }));
    const send = async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify({ items })) });
    const transport = { send } as unknown as CloudStorageDependencies['transport'];
    const bearer = { token: async () => 'token' };
    let turns = 0;
    const count = (): void => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const names: string[] = [];
    for await (const { name } of listObjects({ transport, ...bearer }, { bucket: 'b', prefix: '' })) names.push(name);
    clearImmediate(counting);
    expect(names).toEqual(items.map(({ name }) => name));
    expect(turns).toBeGreaterThan(100);
  });
});

describe('a prefix', () => {
  test.each([
    ['gs://bucket/', { bucket: 'bucket', prefix: '' }],
    ['gs://bucket/a/b/', { bucket: 'bucket', prefix: 'a/b/' }],
    ['gs://bucket/a/**', { bucket: 'bucket', prefix: 'a/' }],
    ['gs://bucket/part-', { bucket: 'bucket', prefix: 'part-' }],
    ['gs://bucket/a b/ü#7', { bucket: 'bucket', prefix: 'a b/ü#7' }],
  ])('%j is read', (text, expected) => {
    expect(parsePrefix(text)).toEqual(expected);
  });

  test.each([
    'gs://bucket',
    's3://bucket/a',
    'bucket/a/',
    'gs://B/a',
    'gs://bucket/a*/b',
    'gs://bucket/a?',
    'gs://bucket/a\nb',
  ])('%j is refused', (text) => {
    expect(() => parsePrefix(text)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  });

  test('keeps the folders after its last slash', () => {
    expect(relativeName(parsePrefix('gs://bucket/a/b/'), 'a/b/c/d.csv')).toBe('c/d.csv');
    expect(relativeName(parsePrefix('gs://bucket/a/par'), 'a/part/d.csv')).toBe('part/d.csv');
  });

  const filesOf = async (names: string[], { match, base = '' }: { match?: string; base?: string } = {}) => {
    const objects = names.map((name) => ({ name, generation: '7', size: 1 }));
    const found = [];
    for await (const file of filesOfPrefix(streamed(objects), { prefix: parsePrefix('gs://bucket/x/'), match, base })) {
      found.push(file.kind === 'file' ? [file.path, file.name] : file.kind);
    }
    return found;
  };

  test('puts weird names by the rules for objects', async () => {
    expect(
      await filesOf(
        [
          'x/',
          'x/sub/',
          'x/a.csv',
          'x/a//b.csv',
          'x//c.csv',
          'x/ü/e\u0301.csv',
          'x/a b/c\\d.csv',
          'x/t\u0001.csv',
          'x/../y',
        ],
        { base: 'in' },
      ),
    ).toEqual([
      'ignored',
      'ignored',
      ['in', 'a.csv'],
      ['in/a', 'b.csv'],
      ['in', 'c.csv'],
      ['in/ü', '\u00e9.csv'],
      ['in/a b/c', 'd.csv'],
      ['in', 't_.csv'],
      'fault',
    ]);
  });

  test('has a fault for an object whose folders are too many below the path', async () => {
    expect(await filesOf([`x/${'d/'.repeat(31)}a`], { base: 'p/q' })).toEqual(['fault']);
  });

  test.each([[[]], [['x/', 'x/sub/']]])('without objects is not found (%j)', async (names: string[]) => {
    await expect(filesOf(names)).rejects.toMatchObject({ code: 'source-not-found' });
  });

  test('of which nothing matches is not found', async () => {
    await expect(filesOf(['x/a.csv'], { match: '*.json' })).rejects.toMatchObject({ code: 'source-not-found' });
  });

  test('gives each generation its own key, and another one for each key of a request', () => {
    const object = { bucket: 'bucket', object: 'a.csv', generation: '7' };
    expect(keyOfObject(undefined, object)).toBe('gs://bucket/a.csv#7');
    const keys = [keyOfObject('k', object), keyOfObject('l', object), keyOfObject('k', { ...object, generation: '8' })];
    expect(new Set(keys).size).toBe(3);
    for (const key of keys) expect(key).toMatch(/^object\/[\w-]{43}$/);
  });
});
