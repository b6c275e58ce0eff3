import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';
import { findPythonAuths, type Program } from '../../support/processes/programs.ts';

/** The Python client's own tests, against the local Google and a courier, with each Python version on this machine. */

jest.setTimeout(420_000);
const execute = promisify(execFile);
const PACKAGE = join(import.meta.dirname, '../../../clients/python');

const pythons = findPythonAuths();
if (pythons.length === 0)
  console.warn(
    'SKIPPED: no python3 with google-auth here (Debian: python3-google-auth python3-requests), so the Python client is not tested.',
  );

/** A separate Google for each Python version, since each would find the other's files. */
interface PythonWorld {
  google: LocalGoogle;
  description: Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

const startCourier = (google: LocalGoogle, form: 'service' | 'courier'): Promise<CourierProcess> => {
  const { emails, secret } = google.world;
  const callers = [emails.exporter, emails.runtime, emails.driveWriter];
  const plain = { folder: google.places.sharedDrive, credentials: 'main', callers };
  return startCourierIn(google, {
    form,
    config: {
      destinations: {
        default: { ...plain, path: 'inbox' },
        plain,
        sheets: { ...plain, convertTo: 'sheet' },
        once: { ...plain, onConflict: 'skip' },
        locked: { ...plain, readOnly: true },
        small: { ...plain, maxBytes: 1_000 },
        broken: { ...plain, folder: google.places.unsharedFolder },
        others: { ...plain, callers: [emails.alice] },
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
    },
  });
};

const hourAgo = () => {
  const exp = Math.floor(Date.now() / 1000) - 3_600;
  return { iat: exp - 3_600, exp };
};

/** The file is written, and then Google deletes it. */
const deleteKeyOf = async ({ world, origin }: LocalGoogle, email: string): Promise<void> => {
  world.addServiceAccount(email);
  await world.addKey(email);
  world.writeKeyFiles(origin);
  world.deleteKey(email);
};

const openWorld = async (): Promise<PythonWorld> => {
  const google = await startLocalGoogle();
  await deleteKeyOf(google, 'short-lived@local-project.iam.gserviceaccount.com');
  const service = await startCourier(google, 'service');
  const courier = await startCourier(google, 'courier');
  const { emails, keyFiles } = google.world;
  const { exporter, runtime, driveWriter } = emails;
  return {
    google,
    description: {
      google: google.origin,
      courier: service.url,
      function: courier.url,
      audience: AUDIENCE,
      keyFiles,
      metadataHost: google.metadataHost,
      aws: AWS_ENVIRONMENT,
      expiredToken: google.world.idToken({ email: exporter, audience: AUDIENCE, claims: hourAgo() }),
      exporter,
      runtime,
      driveWriter,
    },
    async close() {
      await service.stop();
      await courier.stop();
      await google.close();
    },
  };
};

const environment = ({ env }: Program): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  NO_GCE_CHECK: 'true',
  PYTHONDONTWRITEBYTECODE: '1',
  ...env,
  PYTHONPATH: [join(PACKAGE, 'src'), join(PACKAGE, 'tests'), env.PYTHONPATH].filter(Boolean).join(':'),
});

const suites = readdirSync(join(PACKAGE, 'tests')).filter((name) => /^test_\w+\.py$/.test(name));
const cases = pythons.map((python): [string, Program] => [python.version, python]);
const NONE: [string, Program][] = [['none', { command: 'python3', env: {}, version: '' }]];

test('the Python client has suites', () => {
  expect(suites.length).toBeGreaterThanOrEqual(5);
});

(cases.length === 0 ? describe.skip : describe).each(cases.length === 0 ? NONE : cases)(
  'with google-auth %s',
  (version, python) => {
    let world: PythonWorld;
    beforeAll(async () => {
      world = await openWorld();
    }, 120_000);
    afterAll(() => world?.close());

    test.each(suites)('%s', async (suite) => {
      const env = {
        ...environment(python),
        HOME: world.google.dataDir,
        COURIER_GOOGLE_ORIGIN: world.google.origin,
        COURIER_TEST_WORLD: JSON.stringify(world.description),
      };
      const args = ['-W', 'ignore', '-m', 'unittest', '-v', suite.replace(/\.py$/, '')];
      const { stderr } = await execute(python.command, args, { env, maxBuffer: 1 << 26 }).catch(
        (failed: { stderr: string }) => {
          throw new Error(failed.stderr);
        },
      );
      const [, ran = '0'] = /^Ran (\d+) tests?/m.exec(stderr) ?? [];
      expect(Number(ran)).toBeGreaterThan(0);
      for (const [, skipped] of stderr.matchAll(/^(\S+ \(.*skipped .*)$/gm))
        console.warn(`SKIPPED with google-auth ${version}: ${skipped}`);
    });
  },
);

describe('its package', () => {
  const MYPY = 'mypy';
  const hasMypy = spawnSync(MYPY, ['--version']).status === 0;
  if (!hasMypy)
    console.warn('SKIPPED: no mypy here (Debian: mypy), so the types of the Python client are not checked.');

  (hasMypy ? test : test.skip)('mypy finds no fault, in strict mode', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'mypy-'));
    const { stdout } = await execute(MYPY, [`--cache-dir=${cache}`], { cwd: PACKAGE }).catch(
      (failed: { stdout: string }) => failed,
    );
    rmSync(cache, { recursive: true, force: true });
    expect(stdout).toMatch(/^Success: no issues found in \d\d source files/);
  });

  (hasMypy ? test : test.skip)('a typo in an option is an error to mypy', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mypy-'));
    const program = [
      'from drive_courier import Client',
      'client = Client("https://courier.example")',
      'client.send(b"x", name="a", on_conflict="replcae")',
      'client.send(b"x", nmae="a")',
      'client.send(b"x", name="a").web_view_lnk',
      'client.send(b"x", name="a", on_conflict="replace").web_view_link.upper()',
    ];
    const env = { PATH: process.env.PATH ?? '', MYPYPATH: join(PACKAGE, 'src') };
    const args = ['--strict', '--ignore-missing-imports', `--cache-dir=${folder}`, '-c', program.join('\n')];
    const { stdout } = await execute(MYPY, args, { env }).catch((failed: { stdout: string }) => failed);
    rmSync(folder, { recursive: true, force: true });
    const lines = [...stdout.matchAll(/^<string>:(\d+): error/gm)].map(([, line]) => Number(line));
    expect([...new Set(lines)]).toEqual([3, 4, 5]);
  });

  const BUILD = 'import setuptools, wheel, pip';
  const builder = ['/usr/bin/python3', 'python3'].find((command) => spawnSync(command, ['-c', BUILD]).status === 0);
  if (builder === undefined)
    console.warn('SKIPPED: no python3 with pip, setuptools and wheel here, so the Python package is not built.');
  (builder === undefined ? test.skip : test)('builds a wheel with its types and its license', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wheel-'));
    try {
      // setuptools writes into the folder that it builds from.
      const source = join(folder, 'source');
      cpSync(PACKAGE, source, { recursive: true });
      const args = ['-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index', '-w', folder, source];
      await execute(builder ?? '', args, { env: { PATH: process.env.PATH ?? '', HOME: folder } });
      const [wheel = ''] = readdirSync(folder).filter((name) => name.endsWith('.whl'));
      expect(wheel).toMatch(/^drive_courier-\d+\.\d+\.\d+-py3-none-any\.whl$/);
      const { stdout } = await execute(builder ?? '', ['-m', 'zipfile', '-l', join(folder, wheel)]);
      const files = [...stdout.matchAll(/^(\S+)/gm)].map(([name]) => name);
      expect(files).toEqual(expect.arrayContaining(['drive_courier/__init__.py', 'drive_courier/py.typed']));
      expect(files.filter((name) => /LICENSE$/.test(name))).toHaveLength(1);
      expect(files.filter((name) => name.startsWith('tests') || name.includes('test_'))).toEqual([]);
      const [, meta = ''] = [/-METADATA/, wheel.replace(/-py3.*/, '.dist-info/METADATA')];
      const script = `import zipfile, sys; print(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())`;
      const { stdout: metadata } = await execute(builder ?? '', ['-c', script, join(folder, wheel), meta]);
      expect(metadata).toMatch(/^Requires-Python: >=3\.9$/m);
      expect([...metadata.matchAll(/^Requires-Dist: (.+)$/gm)].map(([, each]) => each)).toEqual([
        expect.stringContaining('google-auth'),
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('its license is the project’s', () => {
    expect(existsSync(join(PACKAGE, 'LICENSE'))).toBe(true);
  });
});
