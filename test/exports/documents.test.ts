import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CourierError } from '../../src/errors.ts';
import { bytesSource } from '../../src/exports/sources/inline.ts';
import type { ObjectName } from '../../src/exports/sources/object-name.ts';
import { type Entry, STREAMING_FORMS, startEntry } from '../support/http/http-forms.ts';

const OBJECT = Buffer.from('from a bucket');
const JSON_TYPE = { 'content-type': 'application/json' };

const openObject = async ({ bucket, object, generation = '7' }: ObjectName) => {
  if (bucket !== 'reports') throw new CourierError('source-forbidden', { detail: `gs://${bucket} may not be read.` });
  return {
    ...bytesSource(OBJECT, 'application/pdf'),
    name: object,
    identity: `gs://${bucket}/${object}#${generation}`,
  };
};

describe.each(STREAMING_FORMS)('an export document, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form, { services: { openObject } });
  });
  afterAll(() => entry.close());

  const send = (document: unknown, headers: Record<string, string> = {}) =>
    entry.send({
      target: '/v1/exports',
      headers: { ...JSON_TYPE, ...headers },
      body: typeof document === 'string' ? document : JSON.stringify(document),
    });
  const last = () => {
    const delivered = entry.services.delivered.at(-1);
    if (delivered === undefined) throw new Error('nothing was delivered');
    return delivered;
  };

  test('has the details of the file', async () => {
    const details = { properties: { source: 'x', 'a"b': '{}' }, keepRevisionForever: true };
    const times = { modifiedTime: '2026-11-24T12:00:00.000Z', createdTime: '2025-01-01T00:00:00.000Z' };
    expect((await send({ ...details, ...times, name: 'a.txt', source: { text: 'a' } })).status).toBe(201);
    expect(last().delivery.options).toMatchObject({ ...details, ...times });
    const { json } = await send({ name: 'a.txt', properties: { order: 1234 }, source: { text: 'a' } });
    expect(json).toMatchObject({ code: 'request-invalid', detail: expect.stringContaining('properties.order') });
  });

  test.each<[Record<string, string>, string | undefined, string]>([
    [{ base64: 'YSxi' }, undefined, 'text/csv'],
    [{ base64: 'YSxi' }, 'application/octet-stream', 'text/csv'],
    [{ base64: 'YSxi' }, 'text/plain', 'text/plain'],
    [{ text: 'a,b' }, undefined, 'text/plain'],
  ])('of %j as a.csv, with the type %j, is stored as %s', async (source, mimeType, type) => {
    expect((await send({ name: 'a.csv', mimeType, source })).status).toBe(201);
    expect(last().delivery.source.mimeType).toBe(type);
  });

  test.each([
    ['a text', { text: 'Grüße\n' }, 'text/plain', 'Grüße\n'],
    ['base64', { base64: 'AAEC/w==' }, 'application/octet-stream', '\0\u0001\u0002\xff'],
    ['base64 without padding', { base64: 'AAEC/w' }, 'application/octet-stream', '\0\u0001\u0002\xff'],
    [
      'JSON',
      { json: { b: [1, {}], a: null } },
      'application/json',
      '{\n  "b": [\n    1,\n    {}\n  ],\n  "a": null\n}\n',
    ],
    ['JSON null', { json: null }, 'application/json', 'null\n'],
    ['rows', { rows: [{ a: 1, b: '=x' }] }, 'text/csv', `a,b\r\n1,"'=x"\r\n`],
    ['raw rows', { rows: [{ b: '=x' }], rawCells: true }, 'text/csv', 'b\r\n"=x"\r\n'],
    ['an empty text', { text: '' }, 'text/plain', ''],
    ['an object', { gcs: 'gs://reports/2026/a.pdf' }, 'application/pdf', OBJECT.toString()],
  ])('of %s becomes a file', async (kind, source, mimeType, text) => {
    const { status, json } = await send({ name: 'file', path: 'a/b', onConflict: 'replace', source });
    expect([status, json.outcome]).toEqual([201, 'created']);
    expect(last().delivery.options).toEqual({ name: 'file', path: 'a/b', onConflict: 'replace' });
    expect(last().delivery.source.mimeType).toBe(mimeType);
    expect(last().bytes.toString(kind.startsWith('base64') ? 'latin1' : 'utf8')).toBe(text);
  });

  test('may specify the media type, and without a name takes that of its object', async () => {
    await send({ mimeType: 'Text/X-Thing', source: { gcs: 'gs://reports/2026/11/a b.csv#12' } });
    expect(last().delivery.options).toEqual({ name: 'a b.csv' });
    expect(last().delivery.source).toMatchObject({
      mimeType: 'text/x-thing',
      identity: 'gs://reports/2026/11/a b.csv#12',
    });
  });

  test('keeps numbers and the column order as written', async () => {
    await send(
      '{"name":"n","source":{"rows":[{"name":"x","2024":9007199254740993,"2023":1.50,"big":-1e400},{"__proto__":7,"constructor":"c"}]}}',
    );
    expect(last().bytes.toString()).toBe(
      'name,2024,2023,big,__proto__,constructor\r\n"x",9007199254740993,1.50,-1e400,,\r\n,,,,7,"c"\r\n',
    );
    await send('{"name":"n","source":{"json":[12345678901234567890,-0,1E2,0.1,{"10":1,"9":2}]}}');
    expect(last().bytes.toString()).toBe(
      '[\n  12345678901234567890,\n  -0,\n  1E2,\n  0.1,\n  {\n    "10": 1,\n    "9": 2\n  }\n]\n',
    );
  });

  test.each([
    ['no source', { name: 'a' }, 'request-invalid', 'source is missing.'],
    ['an empty source', { name: 'a', source: {} }, 'request-invalid', 'source needs exactly one of text, base64'],
    ['two sources', { name: 'a', source: { text: 'x', json: 1 } }, 'request-invalid', 'and has text, json.'],
    ['an unknown field', { name: 'a', surprise: 1, source: { text: '' } }, 'request-invalid', 'no option "surprise"'],
    ['an unknown way', { name: 'a', source: { url: 'x' } }, 'request-invalid', 'There is no option "url" in source.'],
    ['no text', { destination: '', name: 'a', source: { text: 'x' } }, 'request-invalid', 'destination is empty.'],
    ['no name', { source: { text: 'x' } }, 'name-invalid', 'name is missing.'],
    ['a name with "/"', { name: 'a/b', source: { text: 'x' } }, 'name-invalid', 'folders go into "path"'],
    ['a path that climbs', { name: 'a', path: '../x', source: { text: 'x' } }, 'path-invalid', 'folder 1 is "..".'],
    ['a bad rule', { name: 'a', onConflict: 'clobber', source: { text: 'x' } }, 'request-invalid', 'onConflict'],
    ['a bad key', { name: 'a', idempotencyKey: 'a b', source: { text: 'x' } }, 'request-invalid', 'idempotencyKey'],
    [
      'a Docs type',
      { name: 'a', mimeType: 'application/vnd.google-apps.document', source: { text: 'x' } },
      'request-invalid',
      'mimeType',
    ],
    ['NaN in rows', '{"name":"a","source":{"rows":[{"x":1},{"x":NaN}]}}', 'request-invalid', 'NaN is not JSON.'],
    [
      '-Infinity in rows',
      '{"name":"a","source":{"rows":[{"x":-Infinity}]}}',
      'request-invalid',
      'Infinity is not JSON.',
    ],
    ['NaN in JSON', '{"name":"a","source":{"json":[NaN]}}', 'request-invalid', 'NaN is not JSON.'],
    ['NaN as an option', '{"name":NaN,"source":{"text":"x"}}', 'request-invalid', 'NaN is not JSON.'],
    ['a word like NaN', '{"name":"a","source":{"rows":[{"x":Nan}]}}', 'request-invalid', 'This is not JSON'],
    ['no base64', { name: 'a', source: { base64: 'AA*A' } }, 'request-invalid', 'source.base64 is not base64.'],
    ['base64 cut short', { name: 'a', source: { base64: 'AAAAA' } }, 'request-invalid', 'source.base64 is not base64.'],
    ['base64 padded too far', { name: 'a', source: { base64: 'AAA==' } }, 'request-invalid', 'not base64'],
    [
      'rows that are none',
      { name: 'a', source: { rows: [{}, 5] } },
      'request-invalid',
      'source.rows.1 is not an object.',
    ],
    [
      'rows that are a number',
      '{"name":"a","source":{"rows":[1e400]}}',
      'request-invalid',
      'source.rows.0 is not an object.',
    ],
    [
      'rawCells alone',
      { name: 'a', source: { text: '', rawCells: true } },
      'request-invalid',
      'can only be used with rows',
    ],
    ['no gs:// URL', { source: { gcs: 's3://reports/a' } }, 'request-invalid', 'gs://bucket/object'],
    ['an object that is a folder', { source: { gcs: 'gs://reports/a/' } }, 'name-invalid', 'name is empty.'],
    ['a number as text', '{"name":"a","source":{"text":12345678901234567890}}', 'request-invalid', 'source.text'],
    ['equal keys', '{"name":"a","name":"b","source":{"text":""}}', 'request-invalid', 'The key "name" is there twice'],
    ['a prototype', '{"__proto__":{"name":"a"},"source":{"text":""}}', 'request-invalid', '"__proto__"'],
    ['a lone surrogate', '{"name":"a","source":{"text":"\\ud800"}}', 'request-invalid', 'lone surrogate'],
    ['no JSON', '{"name":', 'request-invalid', 'This is not JSON'],
    ['nothing', '', 'request-invalid', 'This is not JSON: character 1'],
    ['more after its end', '{} {}', 'request-invalid', 'This is not JSON: character 4'],
    ['a word', 'null', 'request-invalid', 'The body is not a JSON object.'],
    [
      'a nesting bomb',
      `{"name":"a","source":{"json":${'['.repeat(500_000)}`,
      'request-invalid',
      'deeper than 100 levels',
    ],
    ['zeros', '\0'.repeat(1_000_000), 'request-invalid', 'This is not JSON: character 1'],
  ])('with %s is rejected', async (_, document, code, detail) => {
    const before = entry.services.delivered.length;
    const { status, json } = await send(document);
    expect([status, json.code]).toEqual([400, code]);
    expect(json.detail).toContain(detail);
    expect(entry.services.delivered).toHaveLength(before);
  });

  test('with options in the query, which would be ignored, is rejected', async () => {
    const body = JSON.stringify({ name: 'a', source: { text: 'x' } });
    const { status, json } = await entry.send({ target: '/v1/exports?destination=x&y', headers: JSON_TYPE, body });
    expect([status, json.detail]).toEqual([
      400,
      'The query has "destination", but the options of this request are in its body.',
    ]);
  });

  test('that is not UTF-8 is rejected', async () => {
    const body = Buffer.from('{"name":"\xff","source":{"text":""}}', 'latin1');
    const { status, json } = await entry.send({ target: '/v1/exports', headers: JSON_TYPE, body });
    expect([status, json.detail]).toEqual([400, 'The document is not UTF-8.']);
  });

  test('with rows that share no column is rejected before it grows to terabytes', async () => {
    const rows = Array.from({ length: 12_000 }, (_, index) => ({ [`column ${index}`]: 1 }));
    expect((await send({ name: 'a', source: { rows } })).json.detail).toContain('are more than 10000000 cells');
    const wide = Object.fromEntries(Array.from({ length: 16_385 }, (_, index) => [`c${index}`, 1]));
    expect((await send({ name: 'a', source: { rows: [wide] } })).json.detail).toContain('has 16385 columns');
  });

  test('of an object that may not be read reports that', async () => {
    const { status, json } = await send({ name: 'a', source: { gcs: 'gs://secrets/a' } });
    expect([status, json.code]).toEqual([502, 'source-forbidden']);
  });

  test('is also accepted as JSON by its Content-Type', async () => {
    const { status } = await send({ name: 'a', source: { text: '' } }, { 'content-type': 'text/plain' });
    expect(status).toBe(415);
  });

  test('accepts its key in the header, in the field, or equally in both', async () => {
    const document = { name: 'a', source: { text: 'x' } };
    expect((await send(document, { 'idempotency-key': 'k1' })).json.idempotencyKey).toBe('k1');
    expect((await send({ ...document, idempotencyKey: 'k2' })).json.idempotencyKey).toBe('k2');
    expect((await send({ ...document, idempotencyKey: 'k3' }, { 'idempotency-key': 'k3' })).status).toBe(201);
    const { status, json } = await send({ ...document, idempotencyKey: 'k4' }, { 'idempotency-key': 'k5' });
    expect([status, json.code, json.detail]).toEqual([
      400,
      'request-invalid',
      'The Idempotency-Key header and the field idempotencyKey differ.',
    ]);
  });

  test('is checked against its Content-Digest, which is not the file’s', async () => {
    const body = JSON.stringify({ name: 'a', source: { text: 'x' } });
    const digest = (text: string) => `sha-256=:${createHash('sha256').update(text).digest('base64')}:`;
    expect((await send(body, { 'content-digest': digest(body) })).status).toBe(201);
    const { status, json } = await send(body, { 'content-digest': digest('x') });
    expect([status, json.code]).toEqual([422, 'digest-mismatch']);
    expect(json.detail).toContain(createHash('sha256').update(body).digest('hex'));
  });
});

test('functions-framework passes documents unchanged, although it buffers bodies', async () => {
  const entry = await startEntry('function with whole bodies', {});
  const body = '{"name":"a","source":{"json":9007199254740993}}';
  const { status } = await entry.send({ target: '/v1/exports', headers: JSON_TYPE, body });
  expect([status, entry.services.delivered[0]?.bytes.toString()]).toEqual([201, '9007199254740993\n']);
  await entry.close();
});

test('a base64 document of several megabytes is accepted', async () => {
  const entry = await startEntry('HTTP/1.1', {});
  const bytes = Buffer.alloc(12_000_000, 'drive courier ');
  const body = JSON.stringify({ name: 'a', source: { base64: bytes.toString('base64') } });
  const { status, json } = await entry.send({ target: '/v1/exports', headers: JSON_TYPE, body });
  expect([status, json.size]).toEqual([201, bytes.length]);
  await entry.close();
});

test('a document above 32 MiB is rejected by its length, before a byte is read', async () => {
  const entry = await startEntry('HTTP/1.1', {});
  const headers = { ...JSON_TYPE, 'content-length': '33554433' };
  const { status, json } = await entry.send({ target: '/v1/exports', headers, body: '{' });
  expect([status, json.code]).toEqual([413, 'too-large']);
  expect(json.remedy).toContain('"gcs"');
  await entry.close();
});
