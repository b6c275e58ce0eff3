import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { exporterEnvironment, type RunOptions, runCourier } from '../../support/client/client-process.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';

/** Folders sent by the command, as processes, through a real courier. */

const MEBIBYTE = 1024 * 1024;
const TIMEOUT_MS = 60_000;

let google: LocalGoogle;
let courier: CourierProcess;
let folder: string;
let serial = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'courier-send-many-'));
  google = await startLocalGoogle();
  const callers = [google.world.emails.exporter];
  courier = await startCourierIn(google, {
    config: {
      destinations: { default: { folder: google.places.sharedDrive, credentials: 'main', callers, path: 'inbox' } },
      credentials: { main: { secret: `${google.world.secret}/versions/latest` } },
    },
  });
}, TIMEOUT_MS);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A folder of its own for each test. */
const create = (files: Record<string, string | Uint8Array>): string => {
  serial += 1;
  const root = join(folder, `run-${serial}`);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
};

const send = (args: readonly string[], options: RunOptions = {}) =>
  runCourier(['--audience', AUDIENCE, 'send', ...args], {
    ...options,
    env: { ...exporterEnvironment(google, folder), COURIER_URL: courier.url, ...options.env },
  });

/** The paths in Drive below the folder of a run, each with the number of files. */
const storedBelow = (root: string): Record<string, number> => {
  const all = google.drive.files();
  const byId = new Map(all.map((file) => [file.id, file]));
  const pathOf = (id: string): string => {
    const file = byId.get(id);
    return file === undefined ? '' : `${pathOf(file.parents[0] ?? '')}/${file.name}`;
  };
  const counts: Record<string, number> = {};
  for (const { id, mimeType } of all) {
    const [, below] = pathOf(id).split(`/${root.split('/').at(-1)}/`);
    if (below === undefined || mimeType === 'application/vnd.google-apps.folder') continue;
    counts[below] = (counts[below] ?? 0) + 1;
  }
  return counts;
};
const once = (...paths: string[]): Record<string, number> => Object.fromEntries(paths.map((path) => [path, 1]));

test(
  'a folder with small, empty and large files arrives below the default folder with its structure',
  async () => {
    const large = randomBytes(9 * MEBIBYTE);
    const root = create({ 'a.csv': 'a', 'sub/empty': '', 'sub/deep/large.bin': large });
    const { code, stdout } = await send([root, '--json']);
    expect(code).toBe(0);
    expect(storedBelow(root)).toEqual(once('a.csv', 'sub/empty', 'sub/deep/large.bin'));
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ summary: { delivered: 3, exitCode: 0 } });
    expect(lines.find(({ name }) => name === 'large.bin')).toMatchObject({
      ...{ size: large.length, outcome: 'created', path: `inbox/run-${serial}/sub/deep` },
    });
  },
  TIMEOUT_MS,
);

test(
  'names that differ only by case are two files; names that differ only by NFC and NFD are one, and reported',
  async () => {
    const root = create({ 'Report.csv': '1', 'report.csv': '2', 'caf\u00e9.csv': '3', 'cafe\u0301.csv': '4' });
    const { code, stderr } = await send([root]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^path-taken /m);
    expect(storedBelow(root)).toEqual(once('Report.csv', 'report.csv', 'caf\u00e9.csv'));
  },
  TIMEOUT_MS,
);

test(
  'with --preserve-times each file keeps its own time',
  async () => {
    const root = create({ 'a.csv': 'a', 'b.csv': 'b' });
    utimesSync(join(root, 'a.csv'), new Date('2020-01-02T03:04:05Z'), new Date('2020-01-02T03:04:05Z'));
    utimesSync(join(root, 'b.csv'), new Date('2021-01-02T03:04:05Z'), new Date('2021-01-02T03:04:05Z'));
    const { stdout } = await send([root, '--json', '--preserve-times']);
    const times = stdout
      .trimEnd()
      .split('\n')
      .slice(0, 2)
      .map((line) => JSON.parse(line).modifiedTime);
    expect(times.toSorted()).toEqual(['2020-01-02T03:04:05.000Z', '2021-01-02T03:04:05.000Z']);
  },
  TIMEOUT_MS,
);

describe('a manifest', () => {
  const many = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index % 4}/file-${index}.txt`, `${index}`]));

  test(
    'two processes with one manifest at the same time deliver each file once',
    async () => {
      const root = create(many(60));
      const args = [root, '--manifest', `${root}.jsonl`, '--json'];
      const runs = await Promise.all([send(args), send(args)]);
      expect(runs.map(({ code }) => code)).toEqual([0, 0]);
      expect(storedBelow(root)).toEqual(once(...Object.keys(many(60))));
      const again = await send(args);
      expect(JSON.parse(again.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
        summary: { unchanged: 60, delivered: 0 },
      });
    },
    TIMEOUT_MS,
  );

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'after %s in the middle, the same command delivers the rest, and nothing twice',
    async (signal) => {
      const root = create({ ...many(80), 'large.bin': randomBytes(10 * MEBIBYTE) });
      const manifest = `${root}.jsonl`;
      const args = [root, '--manifest', manifest, '--concurrency', '2'];
      const linesIn = (): number => {
        try {
          return readFileSync(manifest, 'utf8').split('\n').length;
        } catch {
          return 0;
        }
      };
      const first = await send(args, {
        watch(child) {
          const timer = setInterval(() => {
            if (linesIn() > 12) child.kill(signal);
          }, 1);
          child.once('exit', () => clearInterval(timer));
        },
      });
      expect(first.code).toBe(signal === 'SIGINT' ? 130 : null);
      const second = await send(args);
      expect(second.code).toBe(0);
      expect(second.stdout).toMatch(/\d+ unchanged/);
      expect(storedBelow(root)).toEqual(once(...Object.keys(many(80)), 'large.bin'));
    },
    TIMEOUT_MS,
  );
});

/** Root may read everything, unless it lacks these capabilities. */
const CAPABILITIES = '-dac_override,-dac_read_search';
const asOthers =
  process.getuid?.() === 0
    ? { under: ['setpriv', `--inh-caps=${CAPABILITIES}`, `--bounding-set=${CAPABILITIES}`] }
    : {};

test(
  'a file and a folder that must not be read are reported, and the others are sent',
  async () => {
    const root = create({ 'good.csv': 'a', 'secret.csv': 'b', 'closed/c.csv': 'c' });
    chmodSync(join(root, 'secret.csv'), 0o000);
    chmodSync(join(root, 'closed'), 0o000);
    const { code, stderr } = await send([root], asOthers);
    chmodSync(join(root, 'closed'), 0o755);
    expect(stderr.match(/^file-unreadable .*Permission denied$/gm)).toHaveLength(2);
    expect(code).toBe(1);
    expect(storedBelow(root)).toEqual(once('good.csv'));
  },
  TIMEOUT_MS,
);
