import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { commitOf } from '../../scripts/build/commit.ts';

const folder = mkdtempSync(join(tmpdir(), 'courier-commit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();

test('a build names its commit and marks local changes', async () => {
  expect(await commitOf(folder, undefined)).toBeUndefined();
  git('init', '--quiet');
  writeFileSync(join(folder, 'a.txt'), 'a');
  git('add', '.');
  git('commit', '--quiet', '--message=a');
  const commit = git('rev-parse', 'HEAD');
  expect(await commitOf(folder, undefined)).toBe(commit);
  writeFileSync(join(folder, 'new.txt'), 'not part of it');
  expect(await commitOf(folder, undefined)).toBe(commit);
  writeFileSync(join(folder, 'a.txt'), 'b');
  expect(await commitOf(folder, undefined)).toBe(`${commit}-dirty`);
  expect(await commitOf(folder, 'given')).toBe('given');
});

test('a copy inside another repository does not report that repository’s commit', async () => {
  mkdirSync(join(folder, 'copy'), { recursive: true });
  expect(await commitOf(join(folder, 'copy'), undefined)).toBeUndefined();
});
