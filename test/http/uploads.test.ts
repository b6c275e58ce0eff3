import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CourierError } from '../../src/errors.ts';
import type { HttpDependencies, UploadSessionRequest } from '../../src/http/dependencies.ts';
import { type Call, type Entry, FORMS, STREAMING_FORMS, startEntry } from '../support/http/http-forms.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(FORMS)('upload sessions, %s', (form) => {
  let entry: Entry;
  let opened: UploadSessionRequest[];
  let completed: Parameters<HttpDependencies['completeUpload']>[0][];
  beforeAll(async () => {
    [opened, completed] = [[], []];
    entry = await startEntry(form);
    const { openUpload } = entry.services;
    entry.services.openUpload = (request) => {
      opened.push(request);
      return openUpload(request);
    };
    entry.services.completeUpload = async (request) => {
      completed.push(request);
      throw new CourierError('upload-incomplete');
    };
  });
  afterAll(() => entry.close());
  const open = (body: string, { headers = {} }: Call = {}) =>
    entry.send({ target: '/v1/uploads', headers: { ...JSON_TYPE, ...headers }, body });
  const request = { name: 'big.bin', mimeType: 'Application/X-Thing', size: 34_359_738_368 };

  test('are opened with the options, and return what the caller needs', async () => {
    const { status, json } = await open(JSON.stringify({ ...request, destination: 'reports', path: 'a\\b' }), {
      headers: { 'idempotency-key': 'key-1' },
    });
    expect([status, json]).toEqual([
      201,
      {
        id: 'upload-1',
        uploadUrl: expect.stringContaining('upload_id='),
        expiresTime: '2026-12-01T12:00:00.000Z',
        chunkGranularity: 262_144,
      },
    ]);
    expect(opened.at(-1)).toMatchObject({
      options: { ...request, mimeType: 'application/x-thing', destination: 'reports', path: 'a/b' },
      idempotencyKey: 'key-1',
      caller: { email: 'exporter@my-proj.iam.gserviceaccount.com' },
    });
  });

  test('take the details of the file, with JSON types', async () => {
    const details = { properties: { order: '1234' }, keepRevisionForever: false };
    await open(JSON.stringify({ ...request, ...details, modifiedTime: '2026-11-24T12:00:00.5+01:00' }));
    expect(opened.at(-1)?.options).toMatchObject({ ...details, modifiedTime: '2026-11-24T11:00:00.500Z' });
    for (const wrong of [{ properties: '{"order":"1234"}' }, { keepRevisionForever: 'true' }, { modifiedTime: 0 }]) {
      expect((await open(JSON.stringify({ ...request, ...wrong }))).json.code).toBe('request-invalid');
    }
  });

  test('of an unknown type get the type for the name', async () => {
    await open(JSON.stringify({ ...request, name: 'a.zip', mimeType: 'application/octet-stream' }));
    expect(opened.at(-1)).toMatchObject({ options: { name: 'a.zip', mimeType: 'application/zip' } });
  });

  test('leave no trace of their secret in the log', async () => {
    expect((await open(JSON.stringify(request))).text).toContain('upload_id=secret');
    expect(entry.services.log.lines.join('\n')).not.toContain('secret');
  });

  test.each([
    ['name-invalid', { ...request, name: 'a\0b' }],
    ['name-invalid', { ...request, name: '\ud800.csv' }],
    ['name-invalid', { ...request, name: 7 }],
    ['name-invalid', { ...request, name: null }],
    ['name-invalid', { ...request, name: 'x'.repeat(300) }],
    ['path-invalid', { ...request, path: 'a/\udc00' }],
    ['request-invalid', { ...request, path: ['a', 'b'] }],
    ['request-invalid', { ...request, size: -1 }],
    ['request-invalid', { ...request, size: 1.5 }],
    ['request-invalid', { ...request, size: '10' }],
    ['request-invalid', { ...request, size: 5_497_558_138_881 }],
    ['request-invalid', { ...request, size: null }],
    ['request-invalid', { ...request, mimeType: 'text' }],
    ['request-invalid', { ...request, mimeType: 'application/vnd.google-apps.folder' }],
    ['request-invalid', { ...request, mimeType: ['text/csv'] }],
    ['request-invalid', { ...request, description: '\ud800' }],
    ['request-invalid', { ...request, onConflict: 'x' }],
    ['request-invalid', { ...request, colour: 'red' }],
    ['request-invalid', { ...request, uploadUrl: 'https://evil.example/' }],
    ['request-invalid', []],
    ['request-invalid', {}],
  ])('%s: %j', async (code, body) => {
    const before = opened.length;
    const { status, json } = await open(JSON.stringify(body));
    expect([status, json.code]).toEqual([400, code]);
    expect(opened.length).toBe(before);
  });

  test.each(['__proto__', 'constructor', 'prototype', 'toString'])(
    'a member called %s is rejected by name',
    async (name) => {
      const { status, json } = await open(`{"name":"a","mimeType":"text/csv","size":1,"${name}":{"size":2}}`);
      expect([status, json.detail]).toEqual([400, `There is no option "${name}".`]);
    },
  );

  test.each([
    '{"name":"a","mimeType":"text/csv","size":1,"size":2}',
    '{"name":"a","n\\u0061me":"b","mimeType":"text/csv","size":1}',
  ])('with a member twice are rejected, because one of its values would be ignored: %s', async (body) => {
    const { status, json } = await open(body);
    expect([status, json.code]).toEqual([400, 'request-invalid']);
  });

  test.each(['text/plain', 'application/x-ndjson', 'application/jsonp', 'application/xml+json+zip'])(
    'are rejected as %s',
    async (type) => {
      const { status, json } = await open(JSON.stringify(request), { headers: { 'content-type': type } });
      expect([status, json.code]).toEqual([415, 'media-type-unsupported']);
    },
  );

  test('take their options only from the body: a query is rejected by name', async () => {
    const { status, json } = await entry.send({
      target: '/v1/uploads?onConflict=fail',
      headers: JSON_TYPE,
      body: JSON.stringify(request),
    });
    expect([status, json.code]).toEqual([400, 'request-invalid']);
    expect(json.detail).toBe('The query has "onConflict", but the options of this request are in its body.');
  });

  test('a digest in the query would be ignored, so it is rejected by name', async () => {
    const before = completed.length;
    const target = `/v1/uploads/a/complete?sha256=${'ab'.repeat(32)}`;
    const { status, json } = await entry.send({ target });
    expect([status, json.code]).toEqual([400, 'request-invalid']);
    expect(json.detail).toBe('The query has "sha256", but the options of this request are in its body.');
    expect(completed.length).toBe(before);
  });

  test('are accepted with any JSON media type', async () => {
    const headers = { 'content-type': 'application/vnd.acme+json; charset=utf-8' };
    expect((await open(JSON.stringify(request), { headers })).status).toBe(201);
  });

  test('accept JSON with a byte order mark and line breaks of Windows', async () => {
    const body = `\ufeff${JSON.stringify(request, null, 1).replaceAll('\n', '\r\n')}\r\n`;
    expect((await open(body)).status).toBe(201);
  });

  test('a document above 64 KiB is rejected', async () => {
    const { status, json } = await open(JSON.stringify({ ...request, description: 'x'.repeat(65_536) }));
    expect([status, json.code]).toEqual([413, 'too-large']);
    // The caller is opening an upload session already.
    expect(json.remedy).not.toContain('/v1/uploads');
  });

  test('are completed with or without a digest', async () => {
    const complete = (body?: string) =>
      entry.send({
        target: '/v1/uploads/a%2Fb%20c/complete',
        ...(body === undefined ? {} : { headers: JSON_TYPE, body }),
      });
    for (const body of [undefined, '', '{}']) {
      expect((await complete(body)).json.code).toBe('upload-incomplete');
      expect(completed.at(-1)).toMatchObject({ id: 'a/b c' });
      expect(completed.at(-1)?.sha256).toBeUndefined();
    }
    await complete(JSON.stringify({ sha256: 'AB'.repeat(32) }));
    expect(completed.at(-1)?.sha256).toBe('ab'.repeat(32));

    const before = completed.length;
    for (const body of ['{"sha256":"ab"}', '{"sha256":null}', '{"sha256":1}', '{"size":1}', '[]', '{"md5":"x"}']) {
      const { status, json } = await complete(body);
      expect([body, status, json.code]).toEqual([body, 400, 'request-invalid']);
    }
    expect(completed.length).toBe(before);
  });
});

// Where functions-framework parses bodies itself, it responds to these with its own pages.
describe.each(STREAMING_FORMS)('invalid JSON, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  test.each([
    ['cut', '{"name":'],
    ['a text', 'name=a'],
    ['with a comma too many', '{"name":"a",}'],
    ['with a comment', '{"name":"a" /* */}'],
    ['of bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['in UTF-16', Buffer.from('{"name":"a"}', 'utf16le')],
    ['white space', ' \n '],
    ['NaN', '{"size":NaN}'],
    ['null', 'null'],
    ['a number', '7'],
    ['nested 30,000 deep', '['.repeat(30_000)],
    ['nested 30,000 deep, and closed', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['nothing', ''],
  ])('is rejected without being quoted: %s', async (_, body) => {
    const { status, json } = await entry.send({ target: '/v1/uploads', headers: JSON_TYPE, body });
    expect(status).toBe(400);
    expect(json.code).toMatch(/^(request|name)-invalid$/);
  });
});
