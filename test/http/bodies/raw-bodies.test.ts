import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Entry, FORMS, STREAMING_FORMS, startEntry } from '../../support/http/http-forms.ts';

const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8)) % 256));

describe.each(FORMS)('a raw body, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());
  const lastDelivered = () => {
    const last = entry.services.delivered.at(-1);
    if (last === undefined) throw new Error('nothing was delivered');
    return last;
  };

  test.each(['/v1/files', '/'])('is the file, byte for byte, at POST %s', async (path) => {
    const { status, json } = await entry.send({
      target: `${path}?name=data.bin`,
      headers: { 'content-type': 'application/x-thing' },
      body: BYTES,
    });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      name: 'data.bin',
      mimeType: 'application/x-thing',
      size: BYTES.length,
      sha256: createHash('sha256').update(BYTES).digest('hex'),
      outcome: 'created',
      caller: 'exporter@my-proj.iam.gserviceaccount.com',
      idempotencyKey: null,
    });
    expect(lastDelivered().bytes.equals(BYTES)).toBe(true);
    expect(lastDelivered().delivery.source.size).toBe(BYTES.length);
  });

  test('needs no Content-Length', async () => {
    const pieces = [BYTES.subarray(0, 1), BYTES.subarray(1, 100_000), BYTES.subarray(100_000)];
    const { status } = await entry.send({ target: '/v1/files?name=data.bin', body: pieces });
    expect(status).toBe(201);
    expect(lastDelivered().bytes.equals(BYTES)).toBe(true);
  });

  test.each([
    ['with a length', '' as const],
    ['without one', [] as const],
  ])('may be empty %s', async (_, body) => {
    const { status, json } = await entry.send({ target: '/v1/files?name=empty.txt', body });
    expect(status).toBe(201);
    expect(json.size).toBe(0);
  });

  test('may be left out', async () => {
    expect((await entry.send({ target: '/v1/files?name=empty.txt' })).json).toMatchObject({ outcome: 'created' });
  });

  test.each([
    ['text/csv', 'text/csv'],
    ['TEXT/CSV; charset=utf-8; header=present', 'text/csv; charset=utf-8'],
    ['text/csv;charset="Windows-1251"', 'text/csv; charset=windows-1251'],
    ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', undefined],
  ])('of the type %j is stored as %j, with any name', async (sent, kept = sent) => {
    const headers = sent === undefined ? {} : { 'content-type': sent };
    const { status } = await entry.send({ target: '/v1/files?name=a.pdf', headers, body: 'a,b\n1,2\n' });
    expect(status).toBe(201);
    expect(lastDelivered().delivery.source.mimeType).toBe(kept);
  });

  test.each([undefined, 'application/octet-stream', 'application/x-www-form-urlencoded'])(
    'of the type %j gets the type for its name',
    async (sent) => {
      const headers = sent === undefined ? {} : { 'content-type': sent };
      for (const [name, type] of [
        ['a.csv', 'text/csv'],
        ['A.PDF', 'application/pdf'],
        ['a', 'application/octet-stream'],
        ['a.unknown', 'application/octet-stream'],
      ]) {
        await entry.send({ target: `/v1/files?name=${name}`, headers, body: 'a,b\n1,2\n' });
        expect(lastDelivered().delivery.source.mimeType).toBe(type);
      }
    },
  );

  test.each([
    'text',
    'csv',
    '*/*',
    'text/',
    '/csv',
    'text/csv, text/plain',
    'text/csv, text/csv',
    'te xt/csv',
    'text/csv; charset=',
    'text/csv; charset="é"',
    'text/csv; charset=utf-8; charset=latin1',
    'application/vnd.google-apps.document',
    'Application/VND.Google-Apps.spreadsheet; charset=utf-8',
    'multipart/related; boundary=x',
    'multipart/mixed; boundary=x',
    'Multipart/Byteranges; boundary=x',
    'multipart/x-mixed-replace',
  ])('of the type %j is rejected', async (type) => {
    const headers = { 'content-type': type };
    const { status, json } = await entry.send({ target: '/v1/files?name=a', headers, body: 'x' });
    expect([status, json.code]).toEqual([415, 'media-type-unsupported']);
  });

  test('takes the name from Content-Disposition; the option has priority', async () => {
    const headers = { 'content-disposition': `attachment; filename="a.csv"; filename*=UTF-8''na%C3%AFve.csv` };
    expect((await entry.send({ target: '/v1/files', headers, body: 'x' })).json.name).toBe('naïve.csv');
    expect((await entry.send({ target: '/v1/files?name=b.csv', headers, body: 'x' })).json.name).toBe('b.csv');
  });

  test('ignores a Content-Disposition that cannot be parsed', async () => {
    for (const header of ['attachment; filename="a', `attachment; filename*=UTF-8''%FF`, '; filename=a', 'a; b; c']) {
      const headers = { 'content-disposition': header };
      const { status, json } = await entry.send({ target: '/v1/files', headers, body: 'x' });
      expect([header, status, json.code]).toEqual([header, 400, 'request-invalid']);
    }
  });

  test.each(['gzip', 'br', 'identity, gzip', 'zstd'])('is rejected with Content-Encoding %s', async (encoding) => {
    const before = entry.services.delivered.length;
    const headers = { 'content-encoding': encoding };
    const { status, json } = await entry.send({ target: '/v1/files?name=a', headers, body: 'x' });
    // Where the framework reads bodies itself, it rejects what it cannot decompress with its own message.
    if (form === 'function with whole bodies') expect([400, 415]).toContain(status);
    else expect([status, json.code]).toEqual([415, 'media-type-unsupported']);
    expect(entry.services.delivered.length).toBe(before);
  });

  test('is accepted with Content-Encoding: identity', async () => {
    const headers = { 'content-encoding': 'Identity' };
    expect((await entry.send({ target: '/v1/files?name=a', headers, body: 'x' })).status).toBe(201);
  });
});

// functions-framework's own parser would reject these, but a file need not match its declared type.
describe.each(STREAMING_FORMS)('a body that does not match its declared type, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  test.each([
    ['application/json', '"a text"'],
    ['application/json', 'null'],
    ['application/json', '{"cut":'],
    ['application/json; charset=latin1', '{}'],
    ['text/plain; charset=unknown', 'a'],
    ['application/x-www-form-urlencoded', 'a=1&'.repeat(2000)],
    ['application/cloudevents+json', 'no event'],
  ])('is still stored as the file: %s', async (type, body) => {
    const { status } = await entry.send({ target: '/v1/files?name=a', headers: { 'content-type': type }, body });
    expect(status).toBe(201);
    expect(entry.services.delivered.at(-1)?.bytes.toString()).toBe(body);
  });
});

describe.each(FORMS)('a body above this format’s limit, %s', (form) => {
  test.each([
    ['announced', 'x'.repeat(1001)],
    ['found out on the way', ['x'.repeat(600), 'x'.repeat(600)]],
  ])('is rejected when %s', async (_, body) => {
    const entry = await startEntry(form, { services: { maxBodyBytes: 1000 } });
    try {
      const { status, json } = await entry.send({ target: '/v1/files?name=a', body });
      expect([status, json.code]).toEqual([413, 'too-large']);
      expect(entry.services.delivered).toHaveLength(0);
      expect((await entry.send({ target: '/v1/files?name=a', body: 'x'.repeat(1000) })).status).toBe(201);
    } finally {
      await entry.close();
    }
  });
});
