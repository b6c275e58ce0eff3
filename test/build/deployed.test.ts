import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type CourierProcess, startCourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { buildDist } from '../../scripts/build/build.ts';
import { startFirestoreEmulator } from '../support/firestore-emulator.ts';
import { AUDIENCE, BYTES, createDeliveries, expectDelivered, SHA256 } from './deployed/delivery.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** dist alone in an empty folder: a forgotten import finds nothing above it. */
const folder = await mkdtemp(join(tmpdir(), 'courier-deployed-'));
const dist = join(folder, 'dist');
await buildDist(root, join(folder, 'built'));
await cp(join(folder, 'built'), dist, { recursive: true });

/** As Google's builders do it, but offline: dist contains everything it needs. */
const npm = ['ci', '--offline', '--omit=dev', '--no-audit', '--no-fund', '--cache', join(folder, 'no-cache')];
await execute('npm', npm, { cwd: dist });
const emulator = await startFirestoreEmulator();

let google: LocalGoogle;
const { environment, send, inDrive } = createDeliveries(() => google);
const running: CourierProcess[] = [];
beforeAll(async () => {
  google = await startLocalGoogle();
  google.world.secrets.allow('drive-key', google.world.emails.runtime);
});
afterEach(async () => {
  for (const courier of running.splice(0)) await courier.kill();
});
afterAll(async () => {
  await google.close();
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = async (
  form: 'service' | 'courier' | 'courierEvent',
  env = environment(),
  entry = form === 'service' ? join(dist, 'server.js') : dist,
): Promise<CourierProcess> => {
  // The command that the platform starts.
  const framework = join(dist, 'node_modules/.bin/functions-framework');
  const courier = await startCourierProcess({ form, env, entry, framework });
  running.push(courier);
  return courier;
};

describe('the service without an installation', () => {
  const entry = (): string => join(folder, 'built', 'server.js');

  test('delivers a file with the key from Secret Manager, and exits 0 on SIGTERM', async () => {
    google.calls.clear();
    const courier = await start('service', environment(), entry());
    await expectDelivered(await send(courier, 'service.csv', 'service-1'));
    await expectDelivered(await send(courier, 'service.csv', 'service-1'), 'replayed');
    const secrets = google.calls.list({ host: 'secretmanager.googleapis.com' });
    expect(secrets.map(({ status }) => status)).toEqual([200]);
    expect(await courier.stop()).toBe(0);
  }, 60_000);

  test('includes everything of Drive that is loaded late: folders of a path, a replaced file, sharing', async () => {
    const { emails } = google.world;
    const config = {
      audiences: [AUDIENCE],
      destinations: {
        default: {
          folder: google.places.sharedDrive,
          credentials: 'main',
          callers: [emails.exporter],
          path: 'late/loaded',
          onConflict: 'replace',
          share: [{ type: 'user', email: emails.alice, role: 'reader' }],
        },
      },
      credentials: { main: { secret: google.world.secret } },
    };
    const { COURIER_GOOGLE_ORIGIN = '', GCE_METADATA_HOST = '' } = environment();
    const env = { COURIER_GOOGLE_ORIGIN, GCE_METADATA_HOST, COURIER_CONFIG: JSON.stringify(config) };
    const courier = await start('service', env, entry());
    const { id } = await expectDelivered(await send(courier, 'late.csv', 'late-1'));
    expect(await expectDelivered(await send(courier, 'late.csv', 'late-2'), 'replaced')).toMatchObject({ id });
    expect(await (await fetch(`${courier.url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' });
    expect(await courier.stop()).toBe(0);
  }, 60_000);

  test('supports h2c', async () => {
    const courier = await start('service', environment(), entry());
    const session = connect(courier.url);
    const stream = session.request({ ':path': '/v1/health' }).end();
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }];
    expect(headers[':status']).toBe(200);
    await once(stream.resume(), 'close');
    session.close();
    await once(session, 'close');
    expect(await courier.stop()).toBe(0);
  }, 60_000);

  test('treats a request as HTTP/1 regardless of the version that it names', async () => {
    const courier = await start('service', environment(), entry());
    const answers = ['HTTP/1.1', 'HTTP/2.0'].map(async (version) => {
      const socket = connectTcp(Number(new URL(courier.url).port), '127.0.0.1');
      socket.end(`GET /v1/health ${version}\r\nHost: courier.example\r\nConnection: close\r\n\r\n`);
      return (await text(socket)).split('\r\n')[0];
    });
    expect(await Promise.all(answers)).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']);
    expect(await courier.stop()).toBe(0);
  }, 60_000);

  (emulator === undefined ? test.skip : test)(
    'keeps its ledger in Firestore: another instance answers the same file',
    async () => {
      const env = environment({
        COURIER_LEDGER: 'firestore',
        FIRESTORE_EMULATOR_HOST: emulator?.host ?? '',
        GOOGLE_CLOUD_PROJECT: `deployed-${process.pid}`,
      });
      const [one, other] = [await start('service', env, entry()), await start('service', env, entry())];
      const { id } = await expectDelivered(await send(one, 'kept.csv', 'kept-1'));
      expect(await expectDelivered(await send(other, 'kept.csv', 'kept-1'), 'replayed')).toMatchObject({ id });
      expect([await one.stop(), await other.stop()]).toEqual([0, 0]);
    },
    90_000,
  );

  test('uses its compile cache for a first delivery, and works without an unusable one', async () => {
    const built = join(folder, 'warmed');
    await cp(join(folder, 'built'), built, { recursive: true });
    const { stdout } = await execute(process.execPath, [join(built, 'warm.js'), '--strict'], { env: {} });
    const [cache, whole] = [join(built, '.compile-cache'), join(folder, 'kept-whole')];
    const kept = await readdir(cache);
    // warm.js starts each variant once more, and counts the code that V8 accepted.
    const [asService = 0, asFunction = 0] = [...stdout.matchAll(/: (\d+) files/g)].map(([, taken]) => Number(taken));
    expect(asService).toBeGreaterThan(5);
    expect(asFunction).toBeGreaterThan(asService);
    expect(kept.length).toBeGreaterThan(asFunction);

    const deliver = async (key: string): Promise<void> => {
      const courier = await start('service', environment(), join(built, 'server.js'));
      await expectDelivered(await send(courier, `${key}.csv`, key));
      expect(await courier.stop()).toBe(0);
    };
    /** Each time from the original cache. */
    const damage = async (how: (code: Buffer) => Buffer): Promise<void> => {
      await cp(whole, cache, { recursive: true });
      for (const file of kept) await writeFile(join(cache, file), how(await readFile(join(cache, file))));
    };
    await deliver('kept');
    await cp(cache, whole, { recursive: true });
    await damage((code) => code.subarray(0, code.byteLength - 100));
    await deliver('kept-cut');
    // V8 itself would accept it and crash.
    await damage((code) => code.map((byte, index) => (index > 0 && index % 997 === 0 ? byte ^ 1 : byte)) as Buffer);
    await deliver('kept-rotten');
    await damage(() => Buffer.from('no code at all'));
    await deliver('kept-lost');
  }, 120_000);
});

describe('the function under the framework in dist', () => {
  test('delivers a file over HTTP', async () => {
    const courier = await start('courier');
    await expectDelivered(await send(courier, 'function.csv', 'function-1'));
    expect(await inDrive('function.csv')).toEqual([{ name: 'function.csv', sha256Checksum: SHA256 }]);
  }, 60_000);

  test('delivers the file of an event', async () => {
    const { COURIER_GOOGLE_ORIGIN = '', GCE_METADATA_HOST = '' } = environment();
    const config = {
      audiences: [AUDIENCE],
      destinations: {
        default: {
          folder: google.places.sharedDrive,
          credentials: 'main',
          callers: [google.world.emails.exporter],
        },
      },
      credentials: { main: { secret: google.world.secret } },
      pubsub: { eventDestinations: ['default'] },
    };
    const env = { COURIER_GOOGLE_ORIGIN, GCE_METADATA_HOST, COURIER_CONFIG: JSON.stringify(config) };
    const courier = await start('courierEvent', env);
    const message = { data: BYTES.toString('base64'), attributes: { name: 'event.csv' }, messageId: 'event-1' };
    const response = await fetch(courier.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-id': '1',
        'ce-source': '//pubsub.googleapis.com/projects/p/topics/exports',
        'ce-type': 'google.cloud.pubsub.topic.v1.messagePublished',
        'ce-specversion': '1.0',
      },
      body: JSON.stringify({ message, subscription: 'projects/p/subscriptions/exports' }),
    });
    expect(response.status).toBe(204);
    expect(await inDrive('event.csv')).toEqual([{ name: 'event.csv', sha256Checksum: SHA256 }]);
  }, 60_000);
});

test('the function registers with a framework that is installed beside it, as when the repository is deployed', async () => {
  const repository = join(folder, 'repository');
  await cp(join(folder, 'built'), join(repository, 'dist'), { recursive: true });
  await symlink(join(root, 'node_modules'), join(repository, 'node_modules'));
  const courier = await startCourierProcess({
    form: 'courier',
    env: environment(),
    entry: join(repository, 'dist'),
    framework: join(repository, 'node_modules/.bin/functions-framework'),
  });
  running.push(courier);
  await expectDelivered(await send(courier, 'repository.csv', 'repository-1'));
}, 60_000);

test('the function registers with the framework that started it, whether or not that is its own', async () => {
  const framework = join(root, 'node_modules/@google-cloud/functions-framework/build/src/main.js');
  for (const entry of [dist, join(folder, 'built')]) {
    const courier = await startCourierProcess({ form: 'courier', env: environment(), entry, framework });
    running.push(courier);
    await expectDelivered(await send(courier, 'other.csv', `other-${running.length}`));
  }
}, 60_000);

test('its framework also starts it where npm copies instead of linking', async () => {
  const copied = join(folder, 'copied');
  await cp(join(folder, 'built'), copied, { recursive: true });
  await execute('npm', [...npm, '--install-links'], { cwd: copied });
  expect((await lstat(join(copied, 'node_modules/@google-cloud/functions-framework'))).isSymbolicLink()).toBe(false);
  const framework = join(copied, 'node_modules/.bin/functions-framework');
  const courier = await startCourierProcess({ form: 'courier', env: environment(), entry: copied, framework });
  running.push(courier);
  await expectDelivered(await send(courier, 'copied.csv', 'copied-1'));
}, 60_000);

test('the image, which contains only the service, has a compile cache for it', async () => {
  const dockerfile = await readFile(join(root, 'deploy/Dockerfile'), 'utf8');
  const stage = dockerfile.split(/^FROM /m).find((text) => / AS warm\n/.test(text)) ?? '';
  const image = join(folder, 'image');
  await mkdir(image);
  for (const [, words = ''] of stage.matchAll(/^COPY --from=build \S+ (.+)$/gm)) {
    const [to = '', ...from] = words.split(' ').reverse();
    const paths = from.map((path) => path.replace('/project/dist', join(folder, 'built')));
    // COPY expands * as a shell does. For a folder, its content is copied, not the folder itself.
    const content = paths.map((path) => (path.endsWith('lib') ? `${path}/.` : path)).join(' ');
    await execute('sh', ['-c', `mkdir -p ${to} && cp -r ${content} ${to}`], { cwd: image });
  }
  const { stdout } = await execute(process.execPath, [join(image, 'warm.js'), '--strict'], { env: {} });
  expect(stdout).toMatch(/^kept V8's code for a first delivery by server\.js: \d+ files\n$/);
  expect(await readdir(join(image, '.compile-cache'))).toContain('service.js');
}, 60_000);

test('an invalid configuration exits with 78 and names the problem', async () => {
  const env = environment({ COURIER_AUDIENCES: '', COURIER_FOLDER: '' });
  const starting = startCourierProcess({ env, entry: join(folder, 'built', 'server.js') });
  await expect(starting).rejects.toThrow(/exited with code 78:[\s\S]*COURIER_AUDIENCES[\s\S]*COURIER_FOLDER/);
});
