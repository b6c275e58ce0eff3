import { createHash, hash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import type { Source } from '../../../src/domain.ts';
import { openObject } from '../../../src/exports/sources/cloud-storage.ts';
import { type ObjectName, parseObjectName } from '../../../src/exports/sources/object-name.ts';
import { createTransport } from '../../../src/google/create-transport.ts';
import { createKeptLog } from '../../support/kept-log.ts';

const BYTES = randomBytes(3_000_000);

describe('a Cloud Storage object', () => {
  let google: LocalGoogle;
  let bearer: string;
  let asked: ObjectName;
  beforeAll(async () => {
    google = await startLocalGoogle();
    bearer = google.world.accessToken(google.world.emails.runtime, ['https://www.googleapis.com/auth/cloud-platform']);
  });
  afterAll(() => google.close());
  beforeEach(async () => {
    google.faults.clear();
    const { generation } = await google.storage.putObject(google.bucket, 'a/b c.bin', BYTES, {
      contentType: 'application/x-b',
    });
    asked = { bucket: google.bucket, object: 'a/b c.bin', generation };
  });

  const open = (name: ObjectName, reading = {}, userProject?: string) =>
    openObject(
      {
        userProject,
        transport: createTransport({ googleOrigin: google.origin, sleep: async () => undefined, log: createKeptLog() }),
        token: async () => bearer,
      },
      name,
      reading,
    );
  const read = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const media = { host: 'storage.googleapis.com', query: { alt: 'media' } };

  test('is read completely, with its name, type and generation', async () => {
    const source = await open({ bucket: asked.bucket, object: asked.object });
    expect(source).toMatchObject({
      name: 'a/b c.bin',
      size: BYTES.length,
      mimeType: 'application/x-b',
      identity: `gs://${google.bucket}/a/b c.bin#${asked.generation}`,
    });
    expect(hash('sha256', await read(source.open()))).toBe(hash('sha256', BYTES));
  });

  test.each([0, 1, 1_000_000, BYTES.length - 1, BYTES.length])('is read from byte %d', async (offset) => {
    const source = await open(asked);
    expect(hash('sha256', await read(source.openAt?.(offset) ?? Readable.from([])))).toBe(
      hash('sha256', BYTES.subarray(offset)),
    );
  });

  test('resumes reading at the byte where the connection broke', async () => {
    google.faults.add({ ...media, nth: [1, 2], fault: { kind: 'answer-cut', afterBytes: 700_000 } });
    expect(hash('sha256', await read((await open(asked)).open()))).toBe(hash('sha256', BYTES));
    expect(google.faults.list()).toMatchObject([{ fired: 2 }]);
  });

  test('keeps resuming as long as each attempt makes progress', async () => {
    google.faults.add({ ...media, fault: { kind: 'answer-cut', afterBytes: 300_000 } });
    expect(hash('sha256', await read((await open(asked)).open()))).toBe(hash('sha256', BYTES));
    expect(google.faults.list()[0]?.fired).toBeGreaterThan(8);
  });

  test('fails if reading breaks repeatedly without progress', async () => {
    google.faults.add({ ...media, fault: { kind: 'answer-cut', afterBytes: 0 } });
    await expect(read((await open(asked)).open())).rejects.toMatchObject({ code: 'google-unavailable' });
  });

  test.each([
    ['once', (source: Source) => source.open()],
    ['again, as a later try does', (source: Source) => source.openAt?.(0)],
  ])('fails if the bytes do not match the checksum, read %s', async (_, start) => {
    const wrong = Buffer.from(BYTES);
    wrong[1_234_567] = (wrong[1_234_567] ?? 0) ^ 1;
    await writeFile(join(google.dataDir, 'storage', `${asked.generation}.bytes`), wrong);
    const bytes = start(await open(asked));
    await expect(read(bytes ?? Readable.from([]))).rejects.toMatchObject({
      code: 'google-unavailable',
      detail: expect.stringContaining('does not match its CRC32C'),
    });
  });

  test('that is overwritten during reading is not mixed with its new content', async () => {
    google.faults.add({ ...media, nth: 1, fault: { kind: 'answer-cut', afterBytes: 500_000 } });
    const source = await open({ bucket: asked.bucket, object: asked.object });
    await google.storage.putObject(google.bucket, 'a/b c.bin', randomBytes(3_000_000));
    await expect(read(source.open())).rejects.toMatchObject({ code: 'source-not-found' });
  });

  test('stored compressed is delivered as it is stored', async () => {
    await google.storage.putObject(google.bucket, 'log.gz', Buffer.from('not really gzip'), {
      contentType: 'text/plain',
      contentEncoding: 'gzip',
    });
    const source = await open({ bucket: google.bucket, object: 'log.gz' });
    expect(source.mimeType).toBe('application/gzip');
    expect((await read(source.open())).toString()).toBe('not really gzip');
  });

  test.each([
    ['gzip', 'application/gzip', '.gz'],
    ['br', 'application/octet-stream', '.br'],
    ['zstd', 'application/zstd', '.zst'],
    ['GZIP', 'application/gzip', '.gz'],
    ['gzip, br', 'application/octet-stream', '.gz.br'],
    ['unheard-of', 'application/octet-stream', ''],
    ['identity', 'text/csv', undefined],
    ['utf-8', 'text/csv', undefined],
    ['', 'text/csv', undefined],
  ])('with Content-Encoding: %s has the type %s and gets the extension %s', async (contentEncoding, type, suffix) => {
    const options = { contentType: 'text/csv', contentEncoding };
    await google.storage.putObject(google.bucket, 'table.csv', 'bytes', options);
    const source = await open({ bucket: google.bucket, object: 'table.csv' });
    expect([source.mimeType, source.suffix, source.name]).toEqual([type, suffix, 'table.csv']);
    expect((await read(source.open())).toString()).toBe('bytes');
  });

  test('with a customer-supplied key is rejected with the reason before a byte is read', async () => {
    await google.storage.putObject(google.bucket, 'sealed', 'x', { customerKey: true });
    await expect(open({ bucket: google.bucket, object: 'sealed' })).rejects.toMatchObject({
      code: 'source-forbidden',
      detail: expect.stringContaining('customer-supplied key'),
      reason: 'resourceIsEncryptedWithCustomerEncryptionKey',
    });
  });

  describe('of a requester-pays bucket', () => {
    const object = { bucket: 'payers-bucket', object: 'a' };
    beforeEach(async () => {
      const { emails } = google.world;
      await google.storage.createBucket('payers-bucket', { readers: [emails.runtime], requesterPays: true });
      await google.storage.putObject('payers-bucket', 'a', 'paid');
    });

    test('fails permanently, with the reason and the key to set', async () => {
      await expect(open(object)).rejects.toMatchObject({
        code: 'source-forbidden',
        retryable: false,
        detail: expect.stringContaining('requester-pays'),
        remedy: expect.stringContaining('userProject'),
      });
    });

    test('fails if the courier may not bill the project', async () => {
      await expect(open(object, {}, 'other-project')).rejects.toMatchObject({
        code: 'source-forbidden',
        detail: expect.stringContaining('other-project'),
        remedy: expect.stringContaining('roles/serviceusage.serviceUsageConsumer'),
      });
    });

    test('is billed to the configured project, which requests for other buckets do not name', async () => {
      const { world } = google;
      world.grantOnProject(`serviceAccount:${world.emails.runtime}`, 'roles/serviceusage.serviceUsageConsumer');
      const source = await open(object, {}, world.project.id);
      expect((await read(source.open())).toString()).toBe('paid');
      google.calls.clear();
      await open(asked, {}, world.project.id);
      expect(JSON.stringify(google.calls.list())).not.toContain('userProject');
    });
  });

  const refusal = (status: number, reason: string, message = reason) =>
    JSON.stringify({ error: { code: status, message, errors: [{ message, domain: 'global', reason }] } });

  test.each([
    [400, 'unheardOf', 'source-forbidden', /"unheardOf".*does not know/],
    [405, 'methodNotAllowed', 'source-forbidden', /"methodNotAllowed"/],
    [409, 'conflict', 'source-forbidden', /"conflict"/],
    [400, 'userProjectInvalid', 'source-forbidden', /billing/],
    [403, 'accessNotConfigured', 'source-forbidden', /API is disabled/],
    [403, 'vpcServiceControls', 'source-forbidden', /perimeter/],
    [403, 'forbidden', 'source-forbidden', /may not be read/],
    [401, 'authError', 'source-forbidden', /may not be read/],
    [403, 'rateLimitExceeded', 'google-unavailable', /403/],
  ])('a %i of Cloud Storage with the reason %s is %s', async (status, reason, code, detail) => {
    const answers = (body: string) =>
      openObject(
        {
          transport: {
            ...createTransport({ googleOrigin: google.origin, log: createKeptLog() }),
            send: async () => ({ status, headers: {}, body: Buffer.from(body) }),
          },
          token: async () => bearer,
        },
        asked,
      );
    await expect(answers(refusal(status, reason))).rejects.toMatchObject({
      code,
      detail: expect.stringMatching(detail),
      retryable: code === 'google-unavailable',
    });
    await expect(answers(refusal(status, 'ada@example.com may not'))).rejects.toMatchObject({
      detail: expect.not.stringContaining('ada'),
    });
  });

  test.each([
    ['without crc32c, by its MD5', { md5Hash: createHash('md5').update('abc').digest('base64') }, 'abc'],
    ['without any checksum', {}, undefined],
  ])('%s', async (_, sums, bytes) => {
    const metadata = { name: 'a', generation: '1', size: '3', ...sums };
    const real = createTransport({ googleOrigin: google.origin, log: createKeptLog() });
    const source = openObject(
      {
        transport: {
          ...real,
          send: async () => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(metadata)) }),
          open: async () => ({ status: 200, headers: {}, body: Readable.from([Buffer.from('abc')]) }),
        },
        token: async () => bearer,
      },
      asked,
    );
    if (bytes === undefined) await expect(source).rejects.toMatchObject({ code: 'source-forbidden' });
    else expect((await read((await source).open())).toString()).toBe(bytes);
  });

  test('a response that is not JSON is a transient error, not an internal one', async () => {
    const real = createTransport({ googleOrigin: google.origin, log: createKeptLog() });
    const send = async () => ({ status: 200, headers: {}, body: Buffer.from('<html>') });
    await expect(openObject({ transport: { ...real, send }, token: async () => bearer }, asked)).rejects.toMatchObject({
      code: 'google-unavailable',
    });
  });

  test('that is empty or has no type is read', async () => {
    await google.storage.putObject(google.bucket, 'empty', '');
    const source = await open({ bucket: google.bucket, object: 'empty' });
    expect([source.size, source.mimeType]).toEqual([0, 'application/octet-stream']);
    expect(await read(source.open())).toHaveLength(0);
  });

  test.each([
    ['that is not there', () => ({ bucket: google.bucket, object: 'nothing' }), 'source-not-found'],
    ['in another generation', () => ({ ...asked, generation: '1' }), 'source-not-found'],
    ['of a bucket that is not there', () => ({ bucket: 'no-such-bucket', object: 'a' }), 'source-not-found'],
    ['of a bucket that may not be read', () => ({ bucket: 'closed-bucket', object: 'a' }), 'source-forbidden'],
  ])('%s is rejected', async (_, name, code) => {
    await google.storage.createBucket('closed-bucket');
    await expect(open(name())).rejects.toMatchObject({ code });
  });

  test('that is deleted between two reads is not found', async () => {
    const source = await open(asked);
    await google.storage.deleteObject(google.bucket, 'a/b c.bin');
    await expect(read(source.open())).rejects.toMatchObject({ code: 'source-not-found' });
  });

  test('that Cloud Storage fails to return can be retried later', async () => {
    google.faults.add({ ...media, fault: { kind: 'status', status: 503 } });
    await expect(read((await open(asked)).open())).rejects.toMatchObject({
      code: 'google-unavailable',
      retryable: true,
    });
  });
});

test.each([
  ['gs://bucket/object', { bucket: 'bucket', object: 'object' }],
  ['gs://bucket/a/b c#d.csv#17', { bucket: 'bucket', object: 'a/b c#d.csv', generation: '17' }],
  ['gs://bucket/a#b', { bucket: 'bucket', object: 'a#b' }],
  ['gs://bucket/#5', undefined],
  ['gs://bucket/', undefined],
  ['gs://bucket', undefined],
  ['gs://Bucket/a', undefined],
  ['gs://bucket/a\nb', undefined],
  ['gs://bucket/..', undefined],
  [`gs://bucket/${'ö'.repeat(512)}`, { bucket: 'bucket', object: 'ö'.repeat(512) }],
  [`gs://bucket/${'ö'.repeat(513)}`, undefined],
  ['https://storage.googleapis.com/bucket/a', undefined],
])('%j names %j', (text, expected) => {
  if (expected === undefined)
    expect(() => parseObjectName(text)).toThrow(expect.objectContaining({ code: 'request-invalid' }));
  else expect(parseObjectName(text)).toEqual(expected);
});
