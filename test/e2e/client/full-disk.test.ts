import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runCourier } from '../../support/client/client-process.ts';
import { startTinyCourier } from '../../support/courier/tiny-courier.ts';
import { createListening } from '../../support/network/listening.ts';

const listening = createListening();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'courier-full-disk-'));
  for (const name of ['in', 'disk', 'kept']) mkdirSync(join(folder, name));
});
afterEach(() => {
  listening.close();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs a command with a small disk of its own, which others do not see. Afterwards its files are in the folder `kept`.
 * @param used how much of the disk another file takes
 */
const withDisk = (kibibytes: number, used: number): string[] => {
  const [disk, kept] = [join(folder, 'disk'), join(folder, 'kept')];
  const script = [
    `mount -t tmpfs -o size=${kibibytes}k tmpfs ${disk} || exit 99`,
    `head -c ${used * 1024} /dev/zero > ${disk}/other`,
    '"$@"',
    'code=$?',
    `cp -r ${disk}/. ${kept}`,
    'exit $code',
  ].join('\n');
  return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
};

const PROBE = ['--mount', 'sh', '-c', 'mount -t tmpfs -o size=4k tmpfs /mnt'];
const canMount = spawnSync('unshare', PROBE).status === 0;
if (!canMount)
  console.warn('SKIPPED: no small disk can be mounted here (it needs root), so full disks are not tested.');
const testWithDisk = canMount ? test : test.skip;

const FILES = 40;

const start = async () => {
  for (let serial = 0; serial < FILES; serial += 1) writeFileSync(join(folder, 'in', `file-${serial}`), `${serial}`);
  const courier = await startTinyCourier(listening);
  const metadata = await listening.listen((_, response) => response.end('header.payload.signature'));
  const env = { COURIER_URL: courier.url, GCE_METADATA_HOST: metadata, NO_GCE_CHECK: '', XDG_CACHE_HOME: folder };
  const send = (manifest: string, under: readonly string[] = []) =>
    runCourier(['send', join(folder, 'in'), '--manifest', join(folder, manifest)], { env, under });
  return { courier, send };
};

testWithDisk(
  'when the disk of the manifest is full, the error says what is safe, and a second run sends the rest',
  async () => {
    const { courier, send } = await start();
    const { code, stderr } = await send('disk/m.jsonl', withDisk(8, 0));
    expect(code).toBe(1);
    expect(stderr).toContain('disk/m.jsonl: No space left on device');
    expect(stderr).toContain('Free some space on the disk of the manifest, then run the same command again.');
    expect(stderr).toContain('Files that were delivered are in Drive.');
    expect(stderr).not.toContain('Choose a path');
    const delivered = courier.state.files.size;
    expect(delivered).toBeGreaterThan(0);
    expect(delivered).toBeLessThan(FILES);
    const second = await send('kept/m.jsonl');
    expect([second.code, courier.state.files.size]).toEqual([0, FILES]);
  },
  60_000,
);

testWithDisk(
  'when the disk is full before the first file, nothing is sent',
  async () => {
    const { courier, send } = await start();
    const { code, stderr } = await send('disk/m.jsonl', withDisk(4, 4));
    expect(code).toBe(1);
    expect(stderr).toContain('No space left on device');
    expect(stderr).toContain('Nothing was sent.');
    expect(courier.state.requests).toBe(0);
  },
  60_000,
);
