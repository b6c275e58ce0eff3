import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type CourierProcess, startCourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { blocksIn, REPOSITORY } from '../support/pages.ts';

/** Does what docs/local-google.md tells its reader to do with a courier, unchanged except for ports and the folder. */

const execute = promisify(execFile);

const blockWith = (language: string, words: string): string => {
  const found = blocksIn(language).filter(({ page, text }) => page === 'docs/local-google.md' && text.includes(words));
  const [block] = found;
  if (block === undefined || found.length > 1) throw new Error(`${found.length} blocks of the page have ${words}`);
  return block.text;
};

let google: LocalGoogle;
let courier: CourierProcess | undefined;
beforeAll(async () => {
  google = await startLocalGoogle();
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
});

const here = (text: string): string =>
  text
    .replaceAll('http://127.0.0.1:9010', google.origin)
    .replaceAll('127.0.0.1:9010', google.metadataHost)
    .replaceAll('http://127.0.0.1:8080', courier?.url ?? 'nowhere')
    .replaceAll('.local-google', google.dataDir);

/** The variables that a piece of shell sets, for itself or for one command. */
const variablesIn = (shell: string): Record<string, string> =>
  Object.fromEntries([...shell.matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]));

test('the configuration names the shared drive and the secret that every new local Google has', () => {
  expect(parse(blockWith('yaml', 'destinations'))).toMatchObject({
    destinations: { reports: { folder: google.places.sharedDrive } },
    credentials: { main: { secret: `${google.world.secret}/versions/latest` } },
  });
});

test('the courier starts as described on the page, and its client sends a file and runs the doctor', async () => {
  writeFileSync(join(google.dataDir, 'config.yaml'), blockWith('yaml', 'destinations'));
  const { PORT, ...env } = variablesIn(here(blockWith('sh', 'npm start')));
  expect(PORT).toBe('8080');
  courier = await startCourierProcess({ env });
  const { stdout } = await execute('bash', ['-ec', here(blockWith('sh', 'courier send'))], {
    cwd: REPOSITORY,
    env: { PATH: process.env.PATH, HOME: google.dataDir },
  });
  expect(stdout).toContain(`${google.origin}/file/d/`);
  expect(stdout).toMatch(/✓ 1 of 1 destinations work/);
  expect(google.drive.files().filter(({ name }) => name === 'README.md')).toHaveLength(1);
}, 120_000);
