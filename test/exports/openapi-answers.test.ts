import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CourierError, ERRORS, type ErrorCode } from '../../src/errors.ts';
import { type Answer, type Call, type Entry, startEntry } from '../support/http/http-forms.ts';
import { faultsOfAnswer, faultsOfBody, faultsOfQuery } from '../support/http/openapi-judge.ts';

/** Validates the routes against their own description: responses and accepted requests. */
let entry: Entry;
let failure: CourierError | undefined;
const fail = (): void => {
  if (failure !== undefined) throw failure;
};

beforeAll(async () => {
  entry = await startEntry('HTTP/1.1', {
    services: {
      async doctor() {
        fail();
        const checks = [
          { check: 'folder', result: 'failed' as const, detail: 'It is not shared.', remedy: 'Share it.' },
          { check: 'ledger', result: 'passed' as const, detail: 'It works.' },
        ];
        return { ok: false, findings: [], destinations: { reports: { ok: false, checks } } };
      },
      async completeUpload() {
        fail();
        const answer = await entry.send({ target: '/v1/files?name=a', body: 'abc' });
        return { ...answer.json, outcome: 'replaced', md5: null, warnings: ['The file could not be shared.'] } as never;
      },
      async authenticatePush() {
        return { sub: '1', email: 'push@example.iam.gserviceaccount.com' };
      },
      mayPush: () => ({ destinations: ['reports'], sources: [] }),
    },
  });
  const { deliver, openUpload, destinations } = entry.services;
  entry.services.deliver = (delivery) => {
    fail();
    return deliver(delivery);
  };
  entry.services.openUpload = (request) => {
    fail();
    return openUpload(request);
  };
  entry.services.destinations = (caller) => {
    fail();
    return destinations(caller);
  };
});
afterAll(() => entry.close());

const JSON_TYPE = { 'content-type': 'application/json' };
const json = (target: string, body: unknown): Call => ({ target, headers: JSON_TYPE, body: JSON.stringify(body) });
const DOCUMENT = { name: 'a.txt', source: { text: 'x' } };
const UPLOAD = { name: 'a.zip', mimeType: 'application/zip', size: 5 };
const PUSH = {
  subscription: 'projects/my-proj/subscriptions/exports',
  message: { messageId: '1', data: Buffer.from(JSON.stringify(DOCUMENT)).toString('base64') },
};

const CALLS: readonly [string, Call, number][] = [
  ['a file', { target: '/v1/files?name=a', body: 'abc' }, 201],
  [
    'a file at the root',
    { target: '/?name=a&path=b&onConflict=skip&convertTo=doc&description=c&destination=d', body: '' },
    201,
  ],
  ['an export', json('/v1/exports', DOCUMENT), 201],
  ['an upload session', json('/v1/uploads', UPLOAD), 201],
  ['a completed upload', json('/v1/uploads/x/complete', {}), 200],
  ['a completed upload without a body', { target: '/v1/uploads/x/complete' }, 200],
  ['a push', json('/v1/pubsub', PUSH), 204],
  ['destinations', { method: 'GET', target: '/v1/destinations' }, 200],
  ['the doctor', { method: 'GET', target: '/v1/doctor?write=true' }, 200],
  ['health', { method: 'GET', target: '/v1/health' }, 200],
  ['the description', { method: 'GET', target: '/openapi.json' }, 200],
];

const judged = async (call: Call): Promise<Answer> => {
  const answer = await entry.send(call);
  expect({ ...call, status: answer.status, faults: faultsOfAnswer(call, answer) }).toMatchObject({ faults: [] });
  return answer;
};

describe.each(CALLS)('%s', (_, call, status) => {
  test('responds as described, and rejects what is not described', async () => {
    failure = undefined;
    expect((await judged(call)).status).toBe(status);
    expect(faultsOfQuery(call.method ?? 'POST', call.target ?? '')).toEqual([]);
  });

  test('rejects every invalid request as described', async () => {
    failure = undefined;
    const long = { ...call, headers: { ...call.headers, 'x-long': 'a'.repeat(25_000) } };
    const statuses = [
      await judged({ ...call, headers: { ...call.headers, authorization: undefined } }),
      await judged({ ...call, headers: { ...call.headers, authorization: 'Bearer bad' } }),
      await judged({ ...call, target: `${call.target}${call.target?.includes('?') ? '&' : '?'}surprise=1` }),
      await judged(long),
      await judged({ ...call, headers: { ...call.headers, 'content-encoding': 'gzip' } }),
      await judged({ ...call, headers: { ...call.headers, 'content-type': 'nonsense' } }),
      await judged({ ...call, method: 'DELETE' }),
    ].map((answer) => answer.status);
    expect(statuses.at(3)).toBe(431);
    expect(statuses.at(-1)).toBe(405);
  });

  // Every error that a service throws is described for every route that calls it.
  test.each(Object.keys(ERRORS) as ErrorCode[])('returns %s as described', async (code) => {
    failure = new CourierError(code);
    const isForOthers = ERRORS[code].status === 404 || ERRORS[code].status === 405;
    const answer = await entry.send(call);
    if (isForOthers && faultsOfAnswer(call, answer).join() === `${answer.status} is not described`) return;
    const { method, target = '' } = call;
    // Errors that only a body or a file can cause are described there.
    if (ERRORS[code].status === 411 && target.includes('/uploads')) return;
    if (method === 'GET' && [409, 411, 413, 415, 422].includes(ERRORS[code].status)) return;
    expect({ code, status: answer.status, faults: faultsOfAnswer(call, answer) }).toMatchObject({ faults: [] });
  });
});

describe('a route accepts exactly what its description accepts', () => {
  const many = (count: number) => 'a'.repeat(count);
  test.each<[string, unknown]>([
    ['/v1/exports', DOCUMENT],
    [
      '/v1/exports',
      {
        ...DOCUMENT,
        mimeType: 'text/csv',
        path: 'a/b',
        onConflict: 'replace',
        convertTo: 'sheet',
        description: 'd',
        destination: 'reports',
        idempotencyKey: 'k',
      },
    ],
    ['/v1/exports', { name: 'a', source: { base64: 'YQ==' } }],
    ['/v1/exports', { name: 'a', source: { json: null } }],
    ['/v1/exports', { name: 'a', source: { rows: [{ a: 1 }], rawCells: true } }],
    ['/v1/exports', { name: 'a', source: { rows: [] } }],
    ['/v1/exports', {}],
    ['/v1/exports', []],
    ['/v1/exports', 'a'],
    ['/v1/exports', { name: 'a' }],
    ['/v1/exports', { name: 'a', source: {} }],
    ['/v1/exports', { name: 'a', source: { text: 'x', json: 1 } }],
    ['/v1/exports', { name: 'a', source: { text: 1 } }],
    ['/v1/exports', { name: 'a', source: { rows: {} } }],
    ['/v1/exports', { name: 'a', source: { rows: [1] } }],
    ['/v1/exports', { name: 'a', source: { rows: [[]] } }],
    ['/v1/exports', { name: 'a', source: { rows: [{}], rawCells: 'yes' } }],
    ['/v1/exports', { name: 'a', source: { text: 'x', surprise: 1 } }],
    ['/v1/exports', { ...DOCUMENT, surprise: 1 }],
    ['/v1/exports', { ...DOCUMENT, name: 1 }],
    ['/v1/exports', { ...DOCUMENT, name: null }],
    ['/v1/exports', { ...DOCUMENT, onConflict: 'never' }],
    ['/v1/exports', { ...DOCUMENT, convertTo: null }],
    ['/v1/exports', { ...DOCUMENT, destination: '' }],
    ['/v1/exports', { ...DOCUMENT, destination: many(65) }],
    ['/v1/exports', { ...DOCUMENT, idempotencyKey: '' }],
    ['/v1/exports', { ...DOCUMENT, idempotencyKey: 'a b' }],
    ['/v1/exports', { ...DOCUMENT, idempotencyKey: many(256) }],
    ['/v1/uploads', UPLOAD],
    ['/v1/uploads', { ...UPLOAD, path: 'a', onConflict: 'fail', description: 'd', destination: 'reports' }],
    ['/v1/uploads', { ...UPLOAD, size: 0 }],
    ['/v1/uploads', { ...UPLOAD, size: 5_497_558_138_880 }],
    ['/v1/uploads', { ...UPLOAD, size: 5_497_558_138_881 }],
    ['/v1/uploads', { ...UPLOAD, size: -1 }],
    ['/v1/uploads', { ...UPLOAD, size: 1.5 }],
    ['/v1/uploads', { ...UPLOAD, size: '5' }],
    ['/v1/uploads', { name: 'a', size: 5 }],
    ['/v1/uploads', { ...UPLOAD, idempotencyKey: 'k' }],
    ['/v1/uploads', { ...UPLOAD, source: {} }],
    ['/v1/uploads/x/complete', {}],
    ['/v1/uploads/x/complete', { sha256: many(64) }],
    ['/v1/uploads/x/complete', { sha256: 'A1'.repeat(32) }],
    ['/v1/uploads/x/complete', { sha256: many(63) }],
    ['/v1/uploads/x/complete', { sha256: null }],
    ['/v1/uploads/x/complete', { md5: many(32) }],
    ['/v1/pubsub', PUSH],
    ['/v1/pubsub', { message: {}, subscription: 'a' }],
    ['/v1/pubsub', { subscription: 'a' }],
  ])('%s %j', async (target, body) => {
    failure = undefined;
    const { status, text } = await judged(json(target, body));
    const faults = faultsOfBody('POST', target, body);
    expect({ isTaken: status < 300, text, isDescribed: faults.length === 0, faults }).toMatchObject({
      isTaken: faults.length === 0,
    });
  });
});
