import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { buildDist } from '../../scripts/build/build.ts';
import { type BadDay, MEBIBYTE, noise, startBadDay, summaryOf } from './bad-day.ts';

const TIMEOUT_MS = 240_000;
const root = join(import.meta.dirname, '../..');

/** Each one makes every use of the disk impossible. The second one proves that it does. */
const DISKS = {
  // SIGXFSZ kills a process that writes a byte to a file.
  'a disk that takes not a byte': ['prlimit', '--fsize=0'],
  // A separate mount namespace in which everything below / is read-only.
  'a read-only root': ['unshare', '--mount', 'sh', '-c', 'mount -o remount,ro,bind / && exec "$@"', 'sh'],
  'a user who owns nothing, with nowhere to write': ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
} as const;

const WRITES = "require('node:fs').writeFileSync(process.argv[1], 'x')";

const folder = await mkdtemp(join(tmpdir(), 'courier-no-disk-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
await buildDist(root, folder);
// Readable by everyone, as the files of an image are.
spawnSync('chmod', ['-R', 'a+rX', folder]);

/** True if a program under it runs and cannot write. */
const holds = ([program, ...args]: readonly string[]): boolean => {
  const run = (script: string): number | null =>
    spawnSync(program ?? '', [...args, process.execPath, '-e', script, join(folder, 'probe')]).status;
  return run('') === 0 && run(WRITES) !== 0;
};

let day: BadDay;
beforeEach(async () => {
  day = await startBadDay();
});
afterEach(() => day.close());

for (const [disk, under] of Object.entries(DISKS)) {
  const isThere = holds(under);
  if (!isThere) console.warn(`SKIPPED: ${disk}, because "${under.join(' ')} …" does not work here (it needs root).`);
  describe(disk, () => {
    (isThere ? test : test.skip).each([
      ['sources', undefined],
      ['built service', join(folder, 'server.js')],
    ])(
      'is all that the %s need: small and large files arrive whole, in every way',
      async (_, entry) => {
        const env = { HOME: '/nonexistent', TMPDIR: '/nonexistent', NODE_COMPILE_CACHE: '' };
        const courier = await day.start({ under, cwd: '/', env, ...(entry === undefined ? {} : { entry }) });
        const bytes = noise(12 * MEBIBYTE);
        const seen = [
          await day.send(courier, 'disk-small', 'a,b\n', { key: '1', path: 'disk' }),
          await day.send(courier, 'disk-large', bytes, { key: '2' }),
          await day.send(courier, 'disk-stream', ReadableStream.from([bytes]), { key: '3' }),
        ];
        expect(seen.map(summaryOf)).toEqual(['201', '201', '201']);
        expect(seen[2]?.receipt.sha256).toBe(seen[1]?.receipt.sha256);
        const form = new FormData();
        form.set('name', 'disk-form');
        form.set('file', new Blob([bytes]), 'x.bin');
        const headers = { authorization: `Bearer ${day.token()}` };
        expect((await fetch(`${courier.url}/v1/files`, { method: 'POST', headers, body: form })).status).toBe(201);
        expect(day.filesOf('disk-')).toEqual(['disk-form', 'disk-large', 'disk-small', 'disk-stream']);
        expect(courier.lines.filter((line) => /EROFS|EFBIG|ENOSPC|EACCES/.test(line))).toEqual([]);
        expect(await courier.stop()).toBe(0);
      },
      TIMEOUT_MS,
    );
  });
}
