import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { CourierError, ERRORS, type ErrorCode } from '../../src/errors.ts';
import { type Answer, type Call, type Entry, FORMS, startEntry } from '../support/http/http-forms.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** What every problem response contains (RFC 9457 and the contract). */
const expectProblem = ({ status, headers, json }: Answer, code: ErrorCode): void => {
  const kind = ERRORS[code];
  expect(status).toBe(kind.status);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(json).toEqual({
    type: `urn:drive-courier:error:${code}`,
    title: kind.title,
    status: kind.status,
    code,
    detail: expect.any(String),
    remedy: expect.any(String),
    retryable: kind.retryable,
    requestId: headers['x-request-id'],
  });
  expect(String(json.detail).length).toBeGreaterThan(0);
  expect(String(json.remedy)).not.toMatch(/[{}]/);
  expect(headers['x-request-id']).toMatch(/^[\da-f]{32}$/);
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(headers['www-authenticate'] === undefined).toBe(kind.status !== 401);
  expect(headers['retry-after'] === undefined).toBe(!kind.retryable);
};

describe.each(FORMS)('responses, %s', (form) => {
  let entry: Entry;
  let failure: unknown;
  beforeAll(async () => {
    const stay = { status: 'neither token nor key' };
    entry = await startEntry(form, {
      services: {
        async deliver() {
          throw failure;
        },
        async doctor(_, { write }) {
          return { ok: true, destinations: {}, write, stay } as never;
        },
      },
    });
  });
  afterAll(() => entry.close());
  const get = (target: string, call: Call = {}) => entry.send({ method: 'GET', target, ...call });
  const post = (call: Call = {}) => entry.send({ target: '/v1/files?name=a', body: 'abc', ...call });

  test.each(CODES)('%s returns a problem', async (code) => {
    failure = new CourierError(code, { cause: new Error('ya29.hush') });
    const answer = await post();
    expectProblem(answer, code);
    expect(answer.text).not.toContain('hush');
  });

  test('an unexpected error returns 500 without details', async () => {
    for (const thrown of [new TypeError('the key is ya29.hush'), 'a text with ya29.hush', undefined, null, 7]) {
      failure = thrown;
      const answer = await post();
      expectProblem(answer, 'internal');
      expect(answer.text).not.toMatch(/hush|TypeError|\.ts/);
    }
  });

  test('Retry-After is the upstream’s delay in whole seconds', async () => {
    failure = new CourierError('drive-rate-limited', { retryAfterSeconds: 12.2 });
    expect((await post()).headers['retry-after']).toBe('13');
  });

  test.each([
    [undefined, 'token-missing', 'Bearer realm="drive-courier"'],
    ['Bearer bad', 'token-invalid', expect.stringContaining('error="invalid_token"')],
    ['Basic Z29vZDpnb29k', 'token-invalid', expect.stringContaining('error="invalid_token"')],
  ] as const)('the authorization %j returns %s with a challenge', async (authorization, code, challenge) => {
    for (const call of [
      { target: '/v1/files?name=a', body: 'x' },
      { target: '/', body: 'x' },
      { target: '/v1/uploads', body: '{' },
      { target: '/v1/uploads/x/complete', body: '{' },
      { method: 'GET', target: '/v1/destinations' },
      { method: 'GET', target: '/v1/doctor' },
    ]) {
      const answer = await entry.send({ ...call, headers: { authorization } });
      expectProblem(answer, code);
      expect(answer.headers['www-authenticate']).toEqual(challenge);
    }
  });

  test('health and the API description need no authentication', async () => {
    const headers = { authorization: undefined };
    const health = await get('/v1/health', { headers });
    expect([health.status, health.json]).toEqual([
      200,
      { ok: true, version: '0.0.0-test', commit: 'c0ffee', ledger: 'firestore' },
    ]);
    const description = await get('/openapi.json', { headers });
    expect([description.status, description.json.openapi]).toEqual([200, expect.stringMatching(/^3\.1\./)]);
    expect(description.headers['content-type']).toMatch(/^application\/json/);
  });

  test('a caller sees its destinations and the doctor', async () => {
    expect((await get('/v1/destinations')).json).toEqual({
      destinations: [{ name: 'reports', path: '', onConflict: 'new', convertTo: null, maxBytes: 5_000_000 }],
    });
    expect((await get('/v1/doctor')).json).toMatchObject({ ok: true, write: false });
    expect((await get('/v1/doctor?write=true')).json).toMatchObject({ write: true });
    for (const query of ['write=maybe', 'wright=true', 'write=1&write=1']) {
      expectProblem(await get(`/v1/doctor?${query}`), 'request-invalid');
    }
  });

  test.each([
    ['GET', '/v1/files', 'POST, OPTIONS'],
    ['PUT', '/v1/files', 'POST, OPTIONS'],
    ['DELETE', '/', 'POST, OPTIONS'],
    ['HEAD', '/', 'POST, OPTIONS'],
    ['PATCH', '/v1/uploads', 'POST, OPTIONS'],
    ['GET', '/v1/uploads/abc/complete', 'POST, OPTIONS'],
    ['POST', '/v1/health', 'GET, HEAD, OPTIONS'],
    ['TRACE', '/v1/health', 'GET, HEAD, OPTIONS'],
    ['PROPFIND', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ['QUERY', '/v1/destinations', 'GET, HEAD, OPTIONS'],
  ])('%s %s returns 405 and the allowed methods', async (method, target, allow) => {
    const answer = await entry.send({ method, target });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    if (method !== 'HEAD') expectProblem(answer, 'method-not-allowed');
  });

  test.each(['/v1/files', '/v1/health'])('OPTIONS %s returns the allowed methods', async (target) => {
    const { status, headers, text } = await entry.send({ method: 'OPTIONS', target });
    expect([status, headers.allow, text]).toEqual([
      204,
      target === '/v1/health' ? 'GET, HEAD, OPTIONS' : 'POST, OPTIONS',
      '',
    ]);
  });

  test('HEAD returns what GET does, without the body', async () => {
    const { status, headers, text } = await entry.send({ method: 'HEAD', target: '/v1/health' });
    expect([status, text]).toEqual([200, '']);
    expect(headers['content-type']).toMatch(/^application\/json/);
  });

  test.each(['/v1', '/v1/', '/v2/files', '/v1/uploads/a/b/complete', '/wp-login.php'])(
    '%s returns 404',
    async (target) => {
      expectProblem(await entry.send({ target, body: 'x' }), 'not-found');
      expectProblem(await get(target), 'not-found');
    },
  );

  test.each([
    ['/v1/files/', '/v1/files'],
    ['//v1/files?name=a', '/v1/files'],
    ['//v1//files//', '/v1/files'],
    ['/v1/v1/files', '/v1/files'],
    ['/V1/Files', '/v1/files'],
    ['/v1/file', '/v1/files'],
    ['/files', '/v1/files'],
    ['/export', '/v1/exports'],
    ['/health/', '/v1/health'],
    ['/v1/openapi.json', undefined],
    ['//openapi.json', '/openapi.json'],
    ['//', '/'],
    ['/v1/upload', '/v1/uploads'],
    ['/v1/uploads/Abc/complete/', '/v1/uploads/ID/complete'],
    ['/v1/uploads/a/b/complete', undefined],
  ])('%s returns 404 and suggests %s', async (target, meant) => {
    const { json, ...answer } = await entry.send({ target, body: 'x' });
    expectProblem({ json, ...answer }, 'not-found');
    expect(json.remedy).toBe(meant === undefined ? new CourierError('not-found').remedy : `Use ${meant} instead.`);
  });

  test.each(['/v1/files/../health', '/v1/%2e%2e/health', '/%', '/v1/uploads/%ff/complete', '/v1/uploads/%00/complete'])(
    '%s does not crash the server',
    async (target) => {
      const { status } = await entry.send({ target, body: '{}', headers: { 'content-type': 'application/json' } });
      expect([400, 404, 405, 409]).toContain(status);
    },
  );

  test('a request with more than a hundred headers is rejected, since Node would drop some of them', async () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'a']));
    expect((await get('/v1/health', { headers: many(80) })).status).toBe(200);
    expectProblem(await get('/v1/health', { headers: many(120) }), 'request-invalid');
  });

  test('headers that are too large return 431', async () => {
    const answer = await post({ headers: { 'x-long': 'a'.repeat(25_000) } }).catch(() => undefined);
    // functions-framework leaves the limit to Node, whose response has no body (--max-http-header-size).
    if (form !== 'h2c' && form !== 'HTTP/1.1') return expect(answer?.status).toBe(431);
    expect(answer?.headers['content-type']).toBe('application/problem+json');
    expect(answer?.json).toMatchObject({ code: 'request-invalid', status: 431 });
    return expect(answer?.status).toBe(431);
  });

  test.each([
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['traceparent', 'cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more', '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['x-cloud-trace-context', '105445AA7843bc8bf206b12000100000/1;o=1', '105445aa7843bc8bf206b12000100000'],
    ['x-cloud-trace-context', '105445aa7843bc8bf206b12000100000', '105445aa7843bc8bf206b12000100000'],
  ])('%s %s is the request’s id in the response and in the log', async (name, value, id) => {
    const answer = await get('/nowhere', { headers: { [name]: value } });
    expect(answer.headers['x-request-id']).toBe(id);
    expect(answer.json.requestId).toBe(id);
    const line = entry.services.log.lines.at(-1) ?? '';
    expect(line).toContain(`"requestId":"${id}"`);
    expect(line).toContain(`"logging.googleapis.com/trace":"${id}"`);
  });

  test.each([
    ['traceparent', '00-00000000000000000000000000000000-00f067aa0ba902b7-01'],
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01'],
    ['traceparent', 'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more'],
    ['traceparent', '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01'],
    ['x-cloud-trace-context', '105445aa/1;o=1'],
    ['x-cloud-trace-context', `105445aa7843bc8bf206b12000100000/${'9'.repeat(30)}`],
  ])('%s %s is ignored', async (name, value) => {
    const { headers } = await get('/v1/health', { headers: { [name]: value } });
    expect(headers['x-request-id']).toMatch(/^[\da-f]{32}$/);
    expect(value.toLowerCase()).not.toContain(String(headers['x-request-id']));
  });

  test('each request is one log line without query, token or body', async () => {
    const { lines } = entry.services.log;
    lines.length = 0;
    failure = new CourierError('name-taken');
    await post({ target: '/v1/files?name=private-name', body: 'private-body', headers: { 'user-agent': 'agent/1' } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('POST /v1/files 409');
    expect(lines[0]).toContain('"code":"name-taken"');
    expect(lines[0]).toContain('"caller":"exporter@my-proj.iam.gserviceaccount.com"');
    expect(lines[0]).toContain('agent/1');
    expect(lines[0]).not.toMatch(/private|good/);
  });
});

describe.each(FORMS)('an instance at capacity or shutting down, %s', (form) => {
  test('returns 429 above the limit of concurrent deliveries, and accepts the next one when there is room', async () => {
    const gates: (() => void)[] = [];
    const entry = await startEntry(form, { services: { concurrentUploads: 2 } });
    const { deliver } = entry.services;
    entry.services.deliver = async (delivery) => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return deliver(delivery);
    };
    try {
      const post = () => entry.send({ target: '/v1/files?name=a', body: 'abc' });
      const held = [post(), post()];
      while (gates.length < 2) await new Promise((resolve) => setImmediate(resolve));
      expectProblem(await post(), 'busy');
      expect((await entry.send({ method: 'GET', target: '/v1/health' })).status).toBe(200);
      for (const open of gates) open();
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual([201, 201]);
      const next = post();
      while (gates.length < 3) await new Promise((resolve) => setImmediate(resolve));
      gates[2]?.();
      expect((await next).status).toBe(201);
    } finally {
      await entry.close();
    }
  });

  test('returns 503 after the stop signal, and still reports that it is alive', async () => {
    const entry = await startEntry(form, { services: { stopping: () => true } });
    try {
      expectProblem(await entry.send({ target: '/v1/files?name=a', body: 'abc' }), 'shutting-down');
      expectProblem(await entry.send({ method: 'GET', target: '/v1/destinations' }), 'shutting-down');
      expect((await entry.send({ method: 'GET', target: '/v1/health' })).status).toBe(200);
      expect(entry.services.delivered).toHaveLength(0);
    } finally {
      await entry.close();
    }
  });

  test('returns 503 for a request whose deadline has passed', async () => {
    const entry = await startEntry(form, { services: { requestSeconds: 0.2 } });
    entry.services.deliver = (delivery) =>
      new Promise((_, reject) => {
        delivery.signal.addEventListener('abort', () => reject(new Error('given up')));
      });
    try {
      expectProblem(await entry.send({ target: '/v1/files?name=a', body: 'abc' }), 'drive-unavailable');
    } finally {
      await entry.close();
    }
  });
});
