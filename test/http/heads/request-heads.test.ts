import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { targetForFunction } from '../../../src/http/server/functions-framework.ts';
import { type Entry, FORMS, startEntry } from '../../support/http/http-forms.ts';
import { openSocket } from '../../support/http/raw-socket.ts';

const HTTP1_FORMS = FORMS.filter((form) => form !== 'h2c');

describe.each(HTTP1_FORMS)('a request from an old or unusual client, %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  const ask = async (text: string, pattern = /\r\n\r\n\{.*\}/): Promise<string> => {
    const { socket, write, until } = await openSocket(entry.port);
    await write(text);
    const answer = await until(pattern);
    socket.destroy();
    return answer;
  };
  const problemIn = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('{')));

  test('HTTP/1.0 needs no Host, and its connection closes', async () => {
    const { write, until, ended } = await openSocket(entry.port);
    await write('GET /v1/health HTTP/1.0\r\n\r\n');
    expect(await until(/\r\n\r\n\{.*\}/)).toMatch(/^HTTP\/1\.1 200 /);
    await ended;
  });

  test.each([
    ['raw UTF-8 in the query', '/v1/files?name=Ums\u00e4tze.csv'],
    ['a space in the query', '/v1/files?name=a b.csv'],
  ])('the response to %s explains how to send it', async (_, target) => {
    const answer = await ask(
      `POST ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nContent-Length: 0\r\n\r\n`,
    );
    expect(problemIn(answer)).toMatchObject({
      status: 400,
      code: 'request-invalid',
      remedy: expect.stringContaining('--url-query'),
    });
  });

  test('HTTP/1.0 delivers, and never gets 100 Continue', async () => {
    const head = 'POST /v1/files?name=a HTTP/1.0\r\nAuthorization: Bearer good\r\nExpect: 100-continue\r\n';
    const answer = await ask(`${head}Content-Length: 3\r\n\r\nabc`);
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    expect(answer).toMatch(/^content-length: \d+\r$/im);
    expect(entry.services.delivered.at(-1)?.bytes.toString()).toBe('abc');
  });

  test.each([
    ['with an address', 'POST http://courier.example/v1/files?name=a HTTP/1.1'],
    ['with another host than Host’s', 'POST http://other.example:8080/v1/files?name=a HTTP/1.1'],
  ])('a target in absolute form is accepted, %s (RFC 9112, 3.2.2)', async (_, line) => {
    const head = `${line}\r\nHost: courier.example\r\nAuthorization: Bearer good\r\nContent-Length: 3\r\n\r\nabc`;
    expect(await ask(head)).toMatch(/^HTTP\/1\.1 201 /);
    expect(entry.services.delivered.at(-1)?.delivery.options.name).toBe('a');
  });

  test('two Host headers are rejected before anything is read', async () => {
    const before = entry.services.delivered.length;
    const head = 'POST /v1/files?name=a HTTP/1.1\r\nHost: a\r\nHost: a\r\nAuthorization: Bearer good\r\n';
    const answer = await ask(`${head}Content-Length: 3\r\n\r\nabc`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(problemIn(answer)).toMatchObject({ code: 'request-invalid', detail: expect.stringContaining('Host') });
    expect(entry.services.delivered).toHaveLength(before);
  });

  test('a missing Host returns a problem that names it', async () => {
    // functions-framework leaves it to Node, which responds without a body.
    if (form === 'function with whole bodies') return;
    const answer = await ask('GET /v1/health HTTP/1.1\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*^content-type: application\/problem\+json\r$/im);
    expect(problemIn(answer)).toMatchObject({ code: 'request-invalid', detail: expect.stringContaining('Host') });
  });

  test.each([
    '/%',
    '/v1/%zz/files',
    '/%ff',
    '/v1/uploads/%/complete',
    '/%E0%A4%A?name=%',
    '/favicon.ico',
    '/robots.txt',
  ])('the path %s, which the framework would serve itself, returns a problem and no page', async (target) => {
    if (form === 'function with whole bodies') return;
    const answer = await ask(`POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[014] [\s\S]*^content-type: application\/problem\+json\r$/im);
    expect(answer).not.toMatch(/<html|node_modules|URIError/);
  });

  test.each(['HEAD', 'OPTIONS'])('a response to %s has no body, and the connection stays open', async (method) => {
    const { socket, write, until } = await openSocket(entry.port);
    await write(`${method} /v1/health HTTP/1.1\r\nHost: a\r\n\r\n`);
    const first = await until(/\r\n\r\n$/);
    expect(first).toMatch(method === 'HEAD' ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 204 /);
    await write('GET /v1/nowhere HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await until(/HTTP\/1\.1 404 [\s\S]*\}$/)).startsWith(`${first}HTTP/1.1 404 `)).toBe(true);
    socket.destroy();
  });
});

describe('over HTTP/2', () => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry('h2c');
  });
  afterAll(() => entry.close());

  test('a request without an authority is accepted like one with it', async () => {
    const session = http2Connect(`http://127.0.0.1:${entry.port}`);
    for (const authority of [
      {},

      { ':authority': 'courier.example' },
      { host: 'courier.example' },
    ]) {
      const stream = session.request({ ':path': '/v1/health', ...authority });
      const [headers] = await once(stream.resume(), 'response');
      expect(headers[':status']).toBe(200);
    }
    session.destroy();
  });

  test('headers far above the limit are reset, and the connection stays open', async () => {
    const session = http2Connect(`http://127.0.0.1:${entry.port}`);
    const health = async (rest: object) => {
      const stream = session.request({ ':path': '/v1/health', ...rest });
      const [headers] = await once(stream.resume(), 'response');
      return headers[':status'];
    };
    // The limit applies once this side has acknowledged the settings.
    expect(await health({})).toBe(200);
    await expect(health({ 'x-long': 'a'.repeat(60_000) })).rejects.toThrow();
    expect(await health({})).toBe(200);
    session.destroy();
  });

  /** What a caller sees of a stream: the response, and whether it was reset. */
  const refused = (body: Buffer, headers: Record<string, string>, sendsOn: boolean) =>
    new Promise<{ status: number; code: number; reset: boolean; ms: number }>((resolve, reject) => {
      const session = http2Connect(`http://127.0.0.1:${entry.port}`);
      const startedMs = performance.now();
      const stream = session.request({ ':method': 'POST', ':path': '/v1/files?name=a', ...headers });
      let status = 0;
      let reset = false;
      stream
        .on('response', (answer) => {
          status = Number(answer[':status']);
          // The rest of the body is sent after the response has arrived.
          if (sendsOn) stream.end(body);
        })
        .on('aborted', () => {
          reset = true;
        })
        .on('error', reject)
        .on('close', () => {
          resolve({ status, code: stream.rstCode, reset, ms: performance.now() - startedMs });
          session.destroy();
        })
        .resume();
      if (!sendsOn) stream.end(body);
    });

  test.each([3, 60_000, 262_144])(
    'a rejected body with an announced length of %d bytes is read to its end, and not reset',
    async (bytes) => {
      for (const sendsOn of [false, true]) {
        const headers = { authorization: 'Bearer bad', 'content-length': String(bytes) };
        expect(await refused(Buffer.alloc(bytes), headers, sendsOn)).toMatchObject({ status: 401, reset: false });
      }
    },
  );

  test('one without an announced length has a moment to end by itself', async () => {
    const headers = { authorization: 'Bearer bad' };
    expect(await refused(Buffer.alloc(1_000), headers, true)).toMatchObject({ status: 401, reset: false });
  });

  test('a large one is stopped after a moment by a reset with NO_ERROR', async () => {
    const headers = { authorization: 'Bearer bad', 'content-length': '8000000' };
    const { status, code, ms } = await refused(Buffer.alloc(8_000_000), headers, true);
    expect([status, code]).toEqual([401, 0]);
    expect(ms).toBeLessThan(5_000);
  });

  test('a small one that never arrives is stopped as well', async () => {
    const session = http2Connect(`http://127.0.0.1:${entry.port}`);
    const headers = { authorization: 'Bearer bad', 'content-length': '3' };
    const stream = session.request({ ':method': 'POST', ':path': '/v1/files?name=a', ...headers });
    const [answer] = await once(stream.resume(), 'response');
    expect(answer[':status']).toBe(401);
    await once(stream, 'close');
    expect(stream.rstCode).toBe(0);
    session.destroy();
  });

  test('the number of rejected bodies that are waited for is limited', async () => {
    const session = http2Connect(`http://127.0.0.1:${entry.port}`);
    const closed = Array.from({ length: 90 }, async () => {
      const stream = session.request({ ':method': 'POST', ':path': '/v1/files?name=a', authorization: 'Bearer bad' });
      let status = 0;
      stream.on('response', (answer) => {
        status = Number(answer[':status']);
      });
      stream.resume().write(Buffer.alloc(1_000));
      await once(stream, 'close');
      return status;
    });
    expect(new Set(await Promise.all(closed))).toEqual(new Set([401]));
    session.destroy();
  });
});

test.each([
  ['/v1/files?name=100%25', '/v1/files?name=100%25'],
  ['/v1/files?name=%', '/v1/files?name=%'],
  ['/%?a=%', '/%25?a=%'],
  ['/%41%', '/%2541%25'],
  ['/v1/uploads/%41/complete', '/v1/uploads/%41/complete'],
  ['/favicon.ico', '/favicon%2eico'],
  ['/robots.txt?x', '/robots%2etxt?x'],
  ['/favicon.icon', '/favicon.icon'],
])('Express receives %s as %s', (target, expected) => {
  expect(targetForFunction(target)).toBe(expected);
});
