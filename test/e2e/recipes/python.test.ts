import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { findPythonAuths, type Program } from '../../support/processes/programs.ts';
import { CLIENT, openRecipeWorld, pythonOf, type RecipeWorld, ROOT } from './world.ts';

/** Runs the recipes' Python programs and the code on their pages unchanged. */

const execute = promisify(execFile);
const pythons = findPythonAuths();
const [python] = pythons;
/** The Python that is bundled with gcloud; Debian's cannot federate. */
const federating = pythons.find(({ version }) => Number.parseInt(version, 10) >= 2);
if (python === undefined) console.warn('SKIPPED: no python3 with google-auth here, so the recipes’ Python is not run.');
if (federating === undefined)
  console.warn('SKIPPED: no google-auth 2 here, so neither the Lambda nor impersonation in Python is run.');

let world: RecipeWorld;
beforeAll(async () => {
  world = await openRecipeWorld();
}, 60_000);
afterEach(() => world.google.faults.clear());
afterAll(() => world?.close());

const run = async (program: Program | undefined, args: readonly string[], more: Record<string, string> = {}) => {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: world.google.dataDir,
    NO_GCE_CHECK: 'true',
    PYTHONDONTWRITEBYTECODE: '1',
    COURIER_URL: world.courier.url,
    COURIER_AUDIENCE: AUDIENCE,
    COURIER_GOOGLE_ORIGIN: world.google.origin,
    ...program?.env,
    ...more,
    PYTHONPATH: [more.PYTHONPATH, CLIENT, program?.env.PYTHONPATH].filter(Boolean).join(':'),
  };
  return execute(program?.command ?? 'python3', ['-W', 'ignore', ...args], { env, cwd: world.google.dataDir });
};
const asExporter = (): Record<string, string> => ({
  GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.exporter ?? '',
});
const onPlatform = (): Record<string, string> => ({
  GCE_METADATA_HOST: world.google.metadataHost,
  GCE_METADATA_IP: world.google.metadataHost,
  NO_GCE_CHECK: 'false',
});

(python === undefined ? describe.skip : describe)('with Python', () => {
  describe('examples/cloud-run-job', () => {
    const job = (more: Record<string, string> = {}) =>
      run(python, [join(ROOT, 'examples/cloud-run-job/main.py')], { ...onPlatform(), ...more });

    test('delivers as the attached account, and a restarted task delivers the same file', async () => {
      const day = { REPORT_DAY: '2026-11-24' };
      expect((await job(day)).stdout).toMatch(/^created: https?:\/\/\S+\/file\/d\//);
      expect((await job(day)).stdout).toMatch(/^replayed: https?:\/\/\S+\/file\/d\//);
      expect(world.bytesOf('orders-2026-11-24.csv').toString()).toBe('day,orders\r\n2026-11-24,7\r\n');
      expect(world.filesNamed('orders-2026-11-24.csv')).toHaveLength(1);
    });

    test('fails with the code and the remedy in its last line', async () => {
      const stranger = { GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles.stranger ?? '' };
      await expect(job({ ...stranger, GCE_METADATA_HOST: '' })).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^destination-forbidden: \S.+\. \S.+\n$/),
      });
    });
  });

  describe('examples/python/send_folder.py', () => {
    const send = (folder: string, more: readonly string[] = []) =>
      run(
        python,
        [join(ROOT, 'examples/python/send_folder.py'), '--audience', AUDIENCE, ...more, folder],
        asExporter(),
      );

    test('sends a folder with its subfolders, and a second run duplicates nothing', async () => {
      const folder = join(world.google.dataDir, 'exports');
      mkdirSync(join(folder, '2026', '11'), { recursive: true });
      writeFileSync(join(folder, 'folder-a.csv'), 'a');
      writeFileSync(join(folder, '2026', '11', 'folder-b.csv'), 'b');
      writeFileSync(join(folder, 'folder-c.txt'), 'c');
      const args = ['--path', 'archive', '--pattern', '*.csv'];
      const first = await send(folder, args);
      expect(first.stdout).toContain('2 files delivered');
      expect(first.stdout.match(/: new /g)).toHaveLength(2);
      expect((await send(folder, args)).stdout.match(/: unchanged /g)).toHaveLength(2);
      expect(world.filesNamed('folder-b.csv')).toHaveLength(1);
      expect(world.filesNamed('folder-c.txt')).toHaveLength(0);
      const [parent] = world.google.drive
        .files()
        .filter(({ id }) => world.filesNamed('folder-b.csv')[0]?.parents.includes(id));
      expect(parent?.name).toBe('11');
    });

    test('sends the others if one file fails, and names the failed one', async () => {
      const folder = join(world.google.dataDir, 'mixed');
      mkdirSync(folder);
      writeFileSync(join(folder, 'good.csv'), 'a');
      writeFileSync(join(folder, 'bad\tname.csv'), 'b');
      await expect(send(folder)).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringContaining('good.csv: new '),
        stderr: expect.stringMatching(/name-invalid.*1 files delivered/s),
      });
      expect(world.filesNamed('good.csv')).toHaveLength(1);
    });
  });

  test.each([
    ['docs/recipes/large-files.md', 'backup.zip'],
    ['docs/recipes/from-your-own-function.md', 'report.csv'],
    ['docs/ja/README.md', '売上.csv'],
  ])('%s: its Python delivers %s', async (page, name) => {
    // Large enough for an upload session.
    const bytes = name.endsWith('.zip') ? randomBytes(9 * 1024 * 1024) : Buffer.from('a,b\r\n');
    writeFileSync(join(world.google.dataDir, name), bytes);
    const blocks = pythonOf(page);
    expect(blocks).toHaveLength(1);
    const audience = `import drive_courier, functools
drive_courier.Client = functools.partial(drive_courier.Client, audience=${JSON.stringify(AUDIENCE)})`;
    await run(python, ['-c', `${audience}\n${blocks[0]}`], asExporter());
    expect(world.bytesOf(name).equals(bytes)).toBe(true);
  });
});

/** S3 as boto3 exposes it: a body that can be read once and whose size is known in advance. */
const BOTO3 = `
import hashlib, io, os
class Body:
    def __init__(self, content): self._file = io.BytesIO(content)
    def read(self, amount=-1): return self._file.read(amount)
class S3:
    def get_object(self, Bucket, Key):
        with open(os.path.join(os.environ["FAKE_S3"], Bucket, Key), "rb") as file: content = file.read()
        etag = '"' + hashlib.md5(content).hexdigest() + '"'
        return {"Body": Body(content), "ContentLength": len(content), "ContentType": "application/zip", "ETag": etag}
def client(name):
    assert name == "s3"
    return S3()
`;

(federating === undefined ? describe.skip : describe)('with google-auth 2', () => {
  test('examples/aws-lambda/python/s3_to_drive.py streams an object despite broken connections, and a repeated event creates one file', async () => {
    const bytes = randomBytes(40 * 1024 * 1024);
    const fakes = join(world.google.dataDir, 'fakes');
    mkdirSync(join(fakes, 'exports', 'nightly dumps'), { recursive: true });
    writeFileSync(join(fakes, 'boto3.py'), BOTO3);
    writeFileSync(join(fakes, 'exports', 'nightly dumps', 'dump.zip'), bytes);
    const event = { Records: [{ s3: { bucket: { name: 'exports' }, object: { key: 'nightly+dumps/dump.zip' } } }] };
    const script = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
import s3_to_drive
event = json.loads(sys.argv[2])
print(json.dumps(s3_to_drive.handler(event, None) + s3_to_drive.handler(event, None)))`;
    world.google.faults.add([
      { method: 'PUT', nth: [1], fault: { kind: 'reset', when: 'during', afterBytes: 12_000_000 } },
      { method: 'PUT', nth: [3], fault: { kind: 'partial', storeAtMostBytes: 262_144 } },
    ]);
    const { stdout } = await run(
      federating,
      ['-c', script, join(ROOT, 'examples/aws-lambda/python'), JSON.stringify(event)],
      {
        ...AWS_ENVIRONMENT,
        GOOGLE_APPLICATION_CREDENTIALS: world.google.world.keyFiles['external-account-aws'] ?? '',
        FAKE_S3: fakes,
        PYTHONPATH: fakes,
      },
    );
    expect((JSON.parse(stdout) as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual([
      'created',
      'replayed',
    ]);
    expect(world.filesNamed('dump.zip')).toHaveLength(1);
    expect(world.bytesOf('dump.zip').equals(bytes)).toBe(true);
  });

  test('docs/recipes/app-engine-flexible.md: impersonating a service account returns a token with the Drive scope', async () => {
    const { driveWriter, runtime } = world.google.world.emails;
    world.google.world.grant(driveWriter, `serviceAccount:${runtime}`, 'roles/iam.serviceAccountTokenCreator');
    const [shown = ''] = pythonOf('docs/recipes/app-engine-flexible.md');
    // Google's addresses are built into Python's library, so they are redirected here.
    const script = `
import os
import google.auth.iam as iam
for name in dir(iam):
    value = getattr(iam, name)
    if isinstance(value, str) and value.startswith("https://iamcredentials"):
        setattr(iam, name, value.replace("https://", os.environ["COURIER_GOOGLE_ORIGIN"] + "/"))
${shown.replace('drive-writer@my-proj.iam.gserviceaccount.com', driveWriter)}
import google.auth.transport.requests
credentials.refresh(google.auth.transport.requests.Request())
print(credentials.token)`;
    world.google.world.setMetadata({ platform: 'compute-engine', honoursScopes: false });
    try {
      const { stdout } = await run(federating, ['-c', script], onPlatform());
      expect(world.google.world.tokens.holderOf(stdout.trim(), [])).toMatchObject({
        email: driveWriter,
        scopes: ['https://www.googleapis.com/auth/drive'],
      });
    } finally {
      world.google.world.setMetadata({ platform: 'cloud-run', honoursScopes: true });
    }
  });
});
