import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Entry, startEntry } from '../../support/http/http-forms.ts';

const SCHEDULER = { 'x-cloudscheduler-jobname': 'nightly', 'x-cloudscheduler-scheduletime': '2026-11-28T02:00:00Z' };
const TASKS = { 'x-cloudtasks-queuename': 'exports', 'x-cloudtasks-taskname': '82634' };
const DOCUMENT = '{"name":"a","source":{"text":"x"}}';

describe.each(['HTTP/1.1', 'h2c'] as const)('a key from the platform, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  const ROUTES = {
    '/v1/files': { query: 'name=a&', headers: {}, body: 'x' },
    '/v1/exports': { query: '', headers: { 'content-type': 'application/json' }, body: DOCUMENT },
  };

  test.each(Object.keys(ROUTES) as (keyof typeof ROUTES)[])('%s', async (route) => {
    const { query, headers: own, body } = ROUTES[route];
    const ask = async (keyFrom: string, headers: Record<string, string>, sent = body) => {
      const { status, json } = await entry.send({
        target: `${route}?${query}${keyFrom}`,
        headers: { ...own, ...headers },
        body: sent,
      });
      return [status, json.idempotencyKey ?? json.code ?? null];
    };
    const scheduled = 'cloud-scheduler/nightly/2026-11-28T02:00:00Z';
    expect(await ask('keyFrom=cloud-scheduler', SCHEDULER)).toEqual([201, scheduled]);
    expect(await ask('keyFrom=cloud-tasks', TASKS)).toEqual([201, 'cloud-tasks/exports/82634']);
    // The body of a scheduled export is the same each time, so its time is the key without being asked for.
    const implied = route === '/v1/exports' ? scheduled : null;
    expect(await ask('', { ...SCHEDULER, ...TASKS })).toEqual([201, implied]);
    expect(await ask('', TASKS)).toEqual([201, null]);
    expect(await ask('keyFrom=cloud-scheduler', { ...SCHEDULER, 'idempotency-key': scheduled })).toEqual([
      201,
      scheduled,
    ]);
    for (const [keyFrom, headers] of [
      ['keyFrom=cloud-scheduler', {}],
      ['keyFrom=cloud-scheduler', TASKS],
      ['keyFrom=cloud-tasks', SCHEDULER],
      ['keyFrom=cloud-scheduler', { ...SCHEDULER, 'idempotency-key': 'mine' }],
      ['keyFrom=cloud-scheduler', { ...SCHEDULER, 'x-cloudscheduler-jobname': 'a b' }],
      ['keyFrom=cloud-tasks', { ...TASKS, 'x-cloudtasks-taskname': 'x'.repeat(250) }],
      ['keyFrom=other', SCHEDULER],
      ['keyFrom=', SCHEDULER],
      ['keyFrom=cloud-tasks&keyFrom=cloud-tasks', TASKS],
    ] as const) {
      expect([keyFrom, headers, await ask(keyFrom, headers)]).toEqual([keyFrom, headers, [400, 'request-invalid']]);
    }
  });

  test('the document’s own key must be the same', async () => {
    const ask = (idempotencyKey: string) =>
      entry.send({
        target: '/v1/exports?keyFrom=cloud-tasks',
        headers: { 'content-type': 'application/json', ...TASKS },
        body: JSON.stringify({ name: 'a', idempotencyKey, source: { text: 'x' } }),
      });
    expect((await ask('mine')).json.code).toBe('request-invalid');
    expect((await ask('cloud-tasks/exports/82634')).status).toBe(201);
  });

  test('any other query of an export is still rejected', async () => {
    const { json } = await entry.send({ ...ROUTES['/v1/exports'], target: '/v1/exports?name=a' });
    expect(json.code).toBe('request-invalid');
  });
});

describe('an error explains the likely mistake', () => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry('HTTP/1.1');
  });
  afterAll(() => entry.close());
  const JSON_TYPE = { 'content-type': 'application/json' };

  test.each([
    [
      'an event of Eventarc as a file',
      '/',
      { 'ce-specversion': '1.0', 'ce-type': 'x.y', ...JSON_TYPE },
      '{}',
      /courierEvent/,
    ],
    [
      'an event of Eventarc as a document',
      '/v1/exports',
      { 'ce-specversion': '1.0', 'ce-type': 'x.y', ...JSON_TYPE },
      '{}',
      /courierEvent/,
    ],
    ['a structured event as a document', '/v1/exports', JSON_TYPE, '{"specversion":"1.0","type":"x"}', /courierEvent/],
    ['a push as a document', '/v1/exports', JSON_TYPE, '{"message":{"data":""},"subscription":"s"}', /\/v1\/pubsub/],
    ['a folder in a document', '/v1/exports', JSON_TYPE, '{"name":"a","folderId":"x","source":{"text":""}}', /"path"/],
    [
      'a folder’s address as a destination',
      '/v1/files?name=a&destination=https://drive.google.com/drive/folders/0Ab',
      {},
      'x',
      /is a URL/,
    ],
    ['base64url', '/v1/exports', JSON_TYPE, '{"name":"a","source":{"base64":"-_-_"}}', /base64url/],
    [
      'a data: URL',
      '/v1/exports',
      JSON_TYPE,
      '{"name":"a","source":{"base64":"data:text/csv;base64,YQ=="}}',
      /data: URL/,
    ],
    [
      'another charset of JSON',
      '/v1/exports',
      { 'content-type': 'application/json; charset=latin1' },
      DOCUMENT,
      /UTF-8/,
    ],
  ])('%s', async (_, target, headers, body, says) => {
    const { status, json } = await entry.send({ target, headers, body });
    expect([400, 415]).toContain(status);
    expect(`${json.detail} ${json.remedy}`).toMatch(says);
    expect(entry.services.delivered).toEqual([]);
  });

  test('base64 with line breaks is accepted', async () => {
    const { status } = await entry.send({
      target: '/v1/exports',
      headers: JSON_TYPE,
      body: JSON.stringify({ name: 'a', source: { base64: 'YWJj\r\nZGVm\n' } }),
    });
    expect(status).toBe(201);
    expect(entry.services.delivered.pop()?.bytes.toString()).toBe('abcdef');
  });
});
