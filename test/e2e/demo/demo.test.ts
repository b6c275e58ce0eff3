import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from '@jest/globals';
import { findEmulator } from '../../../local/gcloud-emulator.ts';

const TIMEOUT_MS = 180_000;
const emulator = await findEmulator('pubsub-emulator/bin/cloud-pubsub-emulator');
if ('missing' in emulator) {
  console.warn(`SKIPPED: the demo through Google's Pub/Sub emulator, because ${emulator.missing}.`);
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Demo {
  child: ChildProcess;
  lines: readonly string[];
  /** Resolves with the first line that contains the text. */
  says(text: string): Promise<string>;
  /** The exit code and signal, and what the process left in the folder for temporary files. */
  ended(): Promise<{ end: unknown; left: string[] }>;
}

const startDemo = (args: readonly string[], path = process.env.PATH): Demo => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
  const child = spawn(process.execPath, ['local/demo.ts', ...args], {
    env: { PATH: path, HOME: folder, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  closers.push(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const lines: string[] = [];
  const waiting = new Map<string, (line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const [text, resolve] of waiting) if (line.includes(text)) resolve(line);
    });
  }
  const closed = once(child, 'close');
  return {
    child,
    lines,
    says: (text) =>
      new Promise((resolve, reject) => {
        waiting.set(text, resolve);
        closed.then(() => reject(new Error(`it ended without "${text}":\n${lines.join('\n')}`)), reject);
      }),
    async ended() {
      const end = await closed;
      const left = readdirSync(folder).filter((name) => /^(drive-courier|local-google)-/.test(name));
      return { end, left };
    },
  };
};

/** A folder for PATH that contains programs made of these shell lines. */
const pathOf = (programs: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-programs-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(programs)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `#!/bin/sh\n${text.replaceAll('FOLDER', folder)}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
};

describe('npm run demo -- --once', () => {
  const GCLOUD = { gcloud: 'echo FOLDER', java: 'exit 0' };
  test.each([
    ['there is no gcloud', {}, 'gcloud is not installed'],
    ['gcloud has no emulator', GCLOUD, 'gcloud lacks the component pubsub-emulator'],
    [
      'the emulator ends',
      { ...GCLOUD, 'platform/pubsub-emulator/bin/cloud-pubsub-emulator': 'exit 3' },
      'the Pub/Sub emulator exited with code 3',
    ],
  ])(
    'sends the pushes itself when %s, prints the reason and exits with 0',
    async (_, programs, why) => {
      const { lines, ended } = startDemo(['--once'], pathOf(programs));
      expect({ ...(await ended()), lines }).toMatchObject({ end: [0, null], left: [] });
      expect(lines.join('\n')).toContain(`Not using Google's Pub/Sub emulator: ${why}`);
      expect(lines).toContain('   ✓ pushed by the demo itself, with signed push requests');
      expect(lines).toContain('     answers: 204, 204; files in Drive: 1');
      expect(lines).toContain('   ✓ replayed  Orders / Sheet1!A4:C5, 2 rows');
      expect(lines).toContain('   ✓ rows in the sheet: 4');
      expect(lines.filter((line) => line.includes('✗'))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  ('missing' in emulator ? test.skip : test)(
    'publishes through Google’s Pub/Sub emulator when it is installed',
    async () => {
      const { lines, ended } = startDemo(['--once']);
      expect({ ...(await ended()), lines }).toMatchObject({ end: [0, null], left: [] });
      expect(lines).toContain("   ✓ pushed by Google's Pub/Sub emulator");
      expect(lines).toContain('     answers: 204, 204; files in Drive: 1');
    },
    TIMEOUT_MS,
  );
});

/** Sibling folders that a person would confuse: their names differ only in letter case. */
const foldersThatDifferOnlyInCase = async (address: string, home: string): Promise<string[]> => {
  const [, drive = ''] = /href="(\/drive\/folders\/[^"]+)"/.exec(home) ?? [];
  const page = await (await fetch(new URL(drive, address))).text();
  const names = [...page.matchAll(/title="Folder">.*?<bdi>(.*?)<\/bdi>/gs)].map(([, name = '']) => name);
  expect(names.length).toBeGreaterThan(2);
  return names.filter(
    (name, index) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) !== index,
  );
};

describe('npm run demo', () => {
  test.each([
    ['--onec', 64, ["Unknown option '--onec'"]],
    ['--help', 0, []],
  ])('prints its usage and starts nothing: %s', async (option, exit, output) => {
    const { lines, ended } = startDemo([option], pathOf({}));
    expect(await ended()).toEqual({ end: [exit, null], left: [] });
    expect(lines).toEqual([...output, 'Usage: npm run demo -- [--once]']);
  });

  test(
    'shows the files until it is interrupted, and leaves no files behind',
    async () => {
      const { child, lines, says, ended } = startDemo([], pathOf({}));
      await says('Press Ctrl-C to stop.');
      const [, address = ''] = /^To see the files, open (\S+)/m.exec(lines.join('\n')) ?? [];
      const home = await (await fetch(address)).text();
      expect(home).toContain('<html');
      expect(await foldersThatDifferOnlyInCase(address, home)).toEqual([]);
      child.kill('SIGINT');
      expect(await ended()).toEqual({ end: [0, null], left: [] });
    },
    TIMEOUT_MS,
  );

  test(
    'exits at once when it is interrupted during a delivery, and leaves no files behind',
    async () => {
      const { child, says, ended } = startDemo([], pathOf({}));
      await says('3. Send a backup');
      child.kill('SIGINT');
      expect(await ended()).toEqual({ end: [130, null], left: [] });
    },
    TIMEOUT_MS,
  );
});
