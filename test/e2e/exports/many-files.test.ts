import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { linesOf, summaryOf } from '../../support/archives.ts';
import { AUDIENCE, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

const ASKED = 'projects/local-project/subscriptions/asked';
const TOPIC = 'projects/local-project/topics/exports';

let google: LocalGoogle;
let courier: RunningCourier;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails } = google.world;
  const { sharedDriveFolder: folder } = google.places;
  const sources = [`gs://${google.bucket}/out/`];
  const subscription = { serviceAccount: emails.pubsubPush, destinations: ['reports'] };
  google.pubsub.createTopic(TOPIC, [emails.runtime]);
  google.pubsub.createSubscription({ name: ASKED, topic: TOPIC }, [emails.runtime]);
  await google.storage.createBucket('unlistable', { readers: [emails.runtime], unlistable: true });
  courier = await startCourier(google, {
    onCloudRun: true,
    document: {
      destinations: {
        reports: {
          folder,
          credentials: 'main',
          callers: [emails.exporter],
          sources: [...sources, 'gs://unlistable/', 'gs://missing-bucket/'],
          path: 'inbox',
        },
      },
      pubsub: { subscriptions: { [SUBSCRIPTION]: { ...subscription, topic: TOPIC }, [ASKED]: subscription } },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});
beforeEach(() => google.calls.clear());

const namesIn = () =>
  google.drive
    .files()
    .filter(({ mimeType }) => mimeType !== 'application/vnd.google-apps.folder')
    .map(({ name }) => name);

const exported = async (source: object, rest: object = {}) => {
  const response = await courier.ask(google.world.emails.exporter, '/v1/exports', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source, ...rest }),
  });
  return { status: response.status, text: await response.text() };
};
const prefixOf = (folder: string): string => `gs://${google.bucket}/out/${folder}`;
const put = (name: string, bytes: Buffer | string = name) =>
  google.storage.putObject(google.bucket, `out/${name}`, bytes);

describe('a prefix over HTTP', () => {
  test('delivers each object once, and the changed ones again', async () => {
    for (const name of ['h/', 'h/a.csv', 'h/sub//b b.csv', 'h/ü.csv', 'h/c.json']) await put(name);
    const query = { gcsPrefix: prefixOf('h/'), match: '*.csv' };
    const first = await exported(query, { onConflict: 'replace' });
    expect(first.status).toBe(200);
    expect(summaryOf(first)).toMatchObject({ delivered: 3, outcomes: { created: 3 }, failed: 0, complete: true });
    const places = linesOf(first).flatMap(({ path, name }) => (name === undefined ? [] : [`${path}/${name}`]));
    expect(places.sort()).toEqual(['inbox/a.csv', 'inbox/sub/b b.csv', 'inbox/ü.csv']);
    await put('h/a.csv', 'changed');
    const second = await exported(query, { onConflict: 'replace' });
    expect(summaryOf(second)).toMatchObject({ delivered: 3, outcomes: { replayed: 2, replaced: 1 } });
    expect(namesIn().filter((name) => ['a.csv', 'b b.csv', 'ü.csv'].includes(name))).toHaveLength(3);
  });

  test('lists page by page', async () => {
    for (let index = 0; index < 1_003; index += 1) await put(`pages/${String(index).padStart(5, '0')}.txt`, '');
    const joined = await exported({ gcsPrefix: prefixOf('pages/'), join: 'bytes' }, { name: 'pages.txt' });
    expect(joined.status).toBe(201);
    const lists = google.calls.list({ host: 'storage.googleapis.com', path: /\/o$/ });
    expect(lists).toHaveLength(2);
  }, 120_000);

  test.each([
    ['another folder', () => `gs://${google.bucket}/secret/`],
    ['the whole bucket', () => `gs://${google.bucket}/`],
    ['a prefix that only begins the same', () => `gs://${google.bucket}/out`],
    ['a way out', () => `gs://${google.bucket}/out/../secret/`],
  ])('does not list %s, and answers as for a prefix without objects', async (_, prefix) => {
    const gcsPrefix = prefix();
    await google.storage.putObject(google.bucket, 'secret/a.csv', 'x');
    const refused = await exported({ gcsPrefix });
    expect(google.calls.list({ host: 'storage.googleapis.com' })).toEqual([]);
    const missing = await exported({ gcsPrefix: prefixOf('none/') });
    const of = ({ status, text }: { status: number; text: string }, prefixText: string) => {
      const { requestId: _id, ...problem } = JSON.parse(text) as Record<string, unknown>;
      return { status, text: JSON.stringify(problem).replaceAll(prefixText, 'PREFIX') };
    };
    expect(of(refused, gcsPrefix)).toEqual(of(missing, prefixOf('none/')));
    expect(JSON.parse(refused.text)).toMatchObject({ status: 502, code: 'source-not-found' });
  });

  test('of a bucket that is missing, or that may not be listed, is a problem', async () => {
    expect(JSON.parse((await exported({ gcsPrefix: 'gs://missing-bucket/a/' })).text)).toMatchObject({
      code: 'source-not-found',
    });
    expect(JSON.parse((await exported({ gcsPrefix: 'gs://unlistable/a/' })).text)).toMatchObject({
      code: 'source-forbidden',
    });
  });

  test('joins the shards of a table to one CSV', async () => {
    await put('shards/t-000000000000.csv', 'id,name\n1,a\n');
    await put('shards/t-000000000001.csv', 'id,name\n2,b\n');
    await put('shards/t-000000000002.csv.gz', gzipSync('id,name\n3,c\n'));
    const query = { gcsPrefix: prefixOf('shards/t-'), join: 'csv' };
    const first = await exported(query, { name: 'table.csv' });
    expect(first.status).toBe(201);
    const file = google.drive.files().find(({ name }) => name === 'table.csv');
    expect(file).toMatchObject({ size: 'id,name\n1,a\n2,b\n3,c\n'.length, mimeType: 'text/csv' });
    expect(JSON.parse((await exported(query, { name: 'table.csv' })).text)).toMatchObject({ outcome: 'replayed' });
    await put('shards/t-000000000001.csv', 'id,other\n2,b\n');
    expect(JSON.parse((await exported(query, { name: 'table.csv' })).text)).toMatchObject({ code: 'request-invalid' });
    expect(namesIn().filter((name) => name === 'table.csv')).toHaveLength(1);
  });
});

describe('a prefix over Pub/Sub', () => {
  let count = 0;
  const push = (message: { data: string; attributes?: Record<string, string> }, subscription = SUBSCRIPTION) => {
    count += 1;
    return pushMessage(google, {
      url: courier.url,
      audience: AUDIENCE,
      subscription,
      serviceAccount: google.world.emails.pubsubPush,
      message: { messageId: `many-${count}`, ...message },
    });
  };
  const encoded = (document: object) => Buffer.from(JSON.stringify(document)).toString('base64');
  const publishedSince = (before: number) => google.pubsub.published.slice(before);

  test.each([SUBSCRIPTION, ASKED])(
    'becomes one message an object, which are delivered once (%s)',
    async (subscription) => {
      const folder = subscription === ASKED ? 'asked' : 'known';
      for (const name of [`${folder}.csv`, `sub/${folder}-2.csv`, 'c.json']) await put(`${folder}/${name}`);
      const data = encoded({
        destination: 'reports',
        path: folder,
        onConflict: 'replace',
        source: { gcsPrefix: prefixOf(`${folder}/`), match: '*.csv' },
      });
      const attributes = { kind: 'nightly', destination: 'reports', path: folder };
      const before = google.pubsub.published.length;
      expect(await push({ data, attributes }, subscription)).toBe(204);
      const messages = publishedSince(before);
      expect(messages.map(({ topic, attributes: each }) => [topic, each.kind, each.path]).sort()).toEqual([
        [TOPIC, 'nightly', folder],
        [TOPIC, 'nightly', `${folder}/sub`],
      ]);
      // The original is redelivered, and publishes the same again.
      expect(await push({ data, attributes }, subscription)).toBe(204);
      const again = publishedSince(before + messages.length);
      expect(again.map(({ data: bytes }) => bytes.toString())).toEqual(
        messages.map(({ data: bytes }) => bytes.toString()),
      );
      for (const message of [...messages, ...again]) {
        const sent = { data: message.data.toString('base64'), attributes: message.attributes };
        expect(await push(sent, subscription)).toBe(204);
      }
      expect(namesIn().filter((name) => name === `${folder}.csv`)).toHaveLength(1);
      expect(namesIn().filter((name) => name === `${folder}-2.csv`)).toHaveLength(1);
    },
  );

  test('is redelivered if the topic does not accept the messages', async () => {
    await put('refused/a.csv');
    google.faults.add({
      host: 'pubsub.googleapis.com',
      path: `/v1/${TOPIC}:publish`,
      nth: [1],
      fault: { kind: 'status', status: 403 },
    });
    const data = encoded({ destination: 'reports', source: { gcsPrefix: prefixOf('refused/') } });
    expect(await push({ data })).toBe(503);
    google.faults.clear();
    expect(await push({ data })).toBe(204);
  });

  test('that is not allowed is redelivered without a lookup', async () => {
    const data = encoded({ destination: 'reports', source: { gcsPrefix: `gs://${google.bucket}/secret/` } });
    expect(await push({ data })).toBe(503);
    expect(google.calls.list({ host: 'storage.googleapis.com' })).toEqual([]);
  });
});

const hasPython = (() => {
  try {
    execFileSync('python3', ['-c', 'import zipfile, tarfile']);
    return true;
  } catch {
    console.warn('SKIPPED: archives that Python makes, because there is no python3.');
    return false;
  }
})();

(hasPython ? describe : describe.skip)('an archive that Python makes', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'courier-archives-'));
    execFileSync('python3', [
      '-c',
      `
import io, sys, tarfile, zipfile
folder = sys.argv[1]
files = {"a.txt": b"a" * 10, "sub/\\u00fc.csv": b"x,y\\n1,2\\n", "big.bin": bytes(range(256)) * 8000}
with zipfile.ZipFile(folder + "/a.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items(): z.writestr(name, data)
class Pipe(io.RawIOBase):
    def __init__(self, f): self.f = f
    def writable(self): return True
    def write(self, b): return self.f.write(b)
# Without seeking, sizes and checksums follow the bytes of each entry.
with open(folder + "/streamed.zip", "wb") as f, zipfile.ZipFile(Pipe(f), "w", zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items(): z.writestr(name, data)
for kind in ("PAX", "GNU", "USTAR"):
    with tarfile.open(folder + "/" + kind + ".tar.gz", "w:gz", format=getattr(tarfile, kind + "_FORMAT")) as t:
        for name, data in files.items():
            info = tarfile.TarInfo(name); info.size = len(data); t.addfile(info, io.BytesIO(data))
`,
      folder,
    ]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(['a.zip', 'streamed.zip', 'PAX.tar.gz', 'GNU.tar.gz', 'USTAR.tar.gz'])(
    'is unpacked, once: %s',
    async (file) => {
      const unpack = file.endsWith('.zip') ? 'zip' : 'tar.gz';
      const send = async () => {
        const response = await courier.ask(google.world.emails.exporter, `/v1/files?unpack=${unpack}&path=${file}`, {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream', 'idempotency-key': file },
          body: await readFile(join(folder, file)),
        });
        return { text: await response.text() };
      };
      const first = await send();
      expect(summaryOf(first)).toMatchObject({ delivered: 3, outcomes: { created: 3 }, failed: 0, complete: true });
      expect(linesOf(first).find(({ entry }) => entry === 'big.bin')).toMatchObject({ size: 2_048_000, path: file });
      const second = await send();
      expect(summaryOf(second)).toMatchObject({ delivered: 3, outcomes: { replayed: 3 } });
      const idsOf = (answer: { text: string }) =>
        linesOf(answer)
          .map(({ id }) => String(id))
          .sort();
      expect(idsOf(second)).toEqual(idsOf(first));
    },
  );
});
