import type { IncomingMessage } from 'node:http';
import { type Http2ServerRequest, connect as http2Connect } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Entry, startEntry } from '../../support/http/http-forms.ts';
import { openSocket } from '../../support/http/raw-socket.ts';

const MUCH = 64 * 1024 * 1024;
/**
 * Twice what Node reads from a socket at a time: the headers with what came along, and what was in flight meanwhile.
 */
const READ_AT_MOST = 2 * 65_536;

const socketOf = (incoming: IncomingMessage | Http2ServerRequest): Socket => {
  const socket = 'stream' in incoming ? incoming.stream.session?.socket : incoming.socket;
  if (socket === undefined) throw new Error('the connection is closed');
  return socket as Socket;
};

let entry: Entry;
let sockets: Socket[];
let bodyBytes: number;
beforeEach(async () => {
  [sockets, bodyBytes] = [[], 0];
  entry = await startEntry('HTTP/1.1', {
    watch(incoming: IncomingMessage | Http2ServerRequest) {
      sockets.push(socketOf(incoming));
      const push = incoming.emit.bind(incoming);
      incoming.emit = (name: string, ...rest: unknown[]) => {
        // Node may discard a piece that came along with the headers, since nobody listens then.
        if (name === 'data' && incoming.listenerCount('data') > 0) bodyBytes += (rest[0] as Buffer).byteLength;
        return push(name, ...rest);
      };
    },
  });
});
afterEach(() => entry.close());

const head = (...lines: string[]): string =>
  ['POST /v1/files?name=a HTTP/1.1', 'Host: courier', ...lines, '', ''].join('\r\n');

/** Sends until the peer accepts no more. Returns the number of bytes that left this process. */
const pour = async (socket: Socket, most: number): Promise<void> => {
  const chunk = Buffer.alloc(65_536, 'x');
  for (let sent = 0; sent < most && socket.writable && !socket.destroyed; sent += chunk.byteLength) {
    if (!socket.write(chunk)) {
      await Promise.race([
        new Promise((resolve) => socket.once('drain', resolve)),
        sleep(500, undefined, { ref: false }),
      ]);
    }
  }
};

describe('an invalid token causes no byte of the body to be read', () => {
  test('with Expect: 100-continue the body is not requested', async () => {
    const { write, until, ended } = await openSocket(entry.port);
    const headers = head('Authorization: Bearer bad', 'Expect: 100-continue', `Content-Length: ${MUCH}`);
    await write(headers);
    const answer = await until(/\r\n\r\n\{.*\}/);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toMatch(/^connection: close\r$/im);
    expect(answer).not.toContain('100 Continue');
    await ended;
    expect(sockets[0]?.bytesRead).toBe(headers.length);
    expect(bodyBytes).toBe(0);
  });

  test('with a valid token it is requested', async () => {
    const { write, until } = await openSocket(entry.port);
    await write(head('Authorization: Bearer good', 'Expect: 100-continue', 'Content-Length: 3'));
    await until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    await write('abc');
    await until(/\r\n\r\nHTTP\/1\.1 201 /);
    expect(entry.services.delivered.at(-1)?.bytes.toString()).toBe('abc');
  });

  test.each([
    ['a wrong option', 'POST /v1/files?nome=a HTTP/1.1', 400],
    ['an unknown route', 'POST /v1/file HTTP/1.1', 404],
    ['another method', 'PUT /v1/files HTTP/1.1', 405],
  ])('it is not requested with %s either', async (_, line, status) => {
    const { write, until, ended } = await openSocket(entry.port);
    const headers = head('Authorization: Bearer good', 'Expect: 100-continue', `Content-Length: ${MUCH}`);
    await write(headers.replace(/^.*/, line));
    const answer = await until(/\r\n\r\n\{.*\}/);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    await ended;
    expect(bodyBytes).toBe(0);
  });

  test.each([
    ['with its length', `Content-Length: ${MUCH}`],
    ['chunked', 'Transfer-Encoding: chunked'],
  ])('sent immediately %s, it stays in the socket', async (_, framing) => {
    const { socket, write, until, ended } = await openSocket(entry.port);
    await write(head('Authorization: Bearer bad', framing));
    if (framing.startsWith('Transfer')) await write(`${MUCH.toString(16)}\r\n`);
    const poured = pour(socket, MUCH);
    const answer = await until(/\r\n\r\n\{.*\}/);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toMatch(/^connection: close\r$/im);
    await ended;
    await poured;
    socket.destroy();
    expect(sockets[0]?.bytesRead).toBeLessThanOrEqual(READ_AT_MOST);
    expect(bodyBytes).toBe(0);
  });

  test('over h2c no window is opened for it, and the connection stays open', async () => {
    const session = http2Connect(`http://127.0.0.1:${entry.port}`, { maxSessionMemory: 1000 });
    const ask = (authorization: string, body: Buffer): Promise<{ status: number; code: number }> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':method': 'POST', ':path': '/v1/files?name=a', authorization });
        let status = 0;
        stream
          .on('response', (headers) => {
            status = Number(headers[':status']);
          })
          .on('error', reject)
          .on('close', () => resolve({ status, code: stream.rstCode }))
          .resume();
        stream.end(body);
      });
    try {
      const big = Buffer.alloc(4 * 1024 * 1024);
      // More in total than the connection's window: unread bytes must not use it up.
      for (let turn = 0; turn < 40; turn += 1) {
        // RFC 9113, 8.1: NO_ERROR tells the client not to send the rest.
        expect(await ask('Bearer bad', big)).toEqual({ status: 401, code: 0 });
      }
      expect(bodyBytes).toBe(0);
      expect(sockets[0]?.bytesRead).toBeLessThan(40 * (262_144 + 65_536));
      expect((await ask('Bearer good', big)).status).toBe(201);
      expect(bodyBytes).toBe(big.byteLength);
    } finally {
      session.destroy();
    }
  });

  test('a caller that reads before it sends again gets its response, on a new connection', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await entry.send({
        target: '/v1/files?name=a',
        headers: { authorization: 'Bearer bad' },
        body: Buffer.alloc(1024 * 1024),
      });
      expect(answer.status).toBe(401);
    }
  });

  test('a rejected request without a body keeps its connection open', async () => {
    const { write, until } = await openSocket(entry.port);
    await write(head('Authorization: Bearer bad', 'Content-Length: 0'));
    expect(await until(/\r\n\r\n\{.*\}/)).not.toMatch(/^connection: close\r$/im);
    await write(head('Authorization: Bearer good', 'Content-Length: 2').concat('ok'));
    await until(/HTTP\/1\.1 201 /);
  });
});

describe.each(['HTTP/1.1', 'h2c'] as const)('back-pressure, %s', (form) => {
  test('what a delivery has not consumed stays in the socket', async () => {
    await entry.close();
    entry = await startEntry(form, { watch: (incoming) => void sockets.push(socketOf(incoming)) });
    sockets.length = 0;
    const { deliver } = entry.services;
    let taken: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => {
      entry.services.deliver = async (delivery) => {
        async function* held() {
          for await (const piece of delivery.source.open()) {
            if (taken === undefined) {
              const gate = new Promise<void>((open) => {
                taken = open;
              });
              resolve();
              await gate;
            }
            yield piece;
          }
        }
        return deliver({ ...delivery, source: { ...delivery.source, open: held } });
      };
    });
    const body = Buffer.alloc(32 * 1024 * 1024);
    const sent = entry.send({ target: '/v1/files?name=a', body });
    await begun;
    let before = -1;
    for (let read = 0; read !== before; await sleep(200)) {
      before = read;
      read = sockets[0]?.bytesRead ?? 0;
    }
    // The read-ahead, the stream's window and what Node reads at a time.
    expect(before).toBeLessThan(1024 * 1024);
    taken?.();
    expect((await sent).json.size).toBe(body.byteLength);
  });
});

test.each([
  ['gzip', 'abc'],
  // Node would decode the chunks and pass on the compressed bytes.
  ['gzip, chunked', '3\r\nabc\r\n0\r\n\r\n'],
])('the coding %s is rejected', async (coding, body) => {
  const { write, until } = await openSocket(entry.port);
  await write(head('Authorization: Bearer good', `Transfer-Encoding: ${coding}`).concat(body));
  const answer = await until(/\r\n\r\n\{.*\}/);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
    code: 'request-invalid',
    status: 400,
    detail: expect.stringContaining(`Transfer-Encoding "${coding}"`),
  });
  expect(entry.services.delivered).toHaveLength(0);
});

describe('the response to a request that cannot be parsed', () => {
  test.each([
    ['is no HTTP', 'HELO courier\r\n\r\n'],
    ['has a header without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n'],
    ['has a space before the colon', 'GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n'],
    ['has no Host', 'GET /v1/health HTTP/1.1\r\n\r\n'],
    ['has no Host but a body', 'POST /v1/files?name=a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc'],
    ['has two Hosts', 'GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['has the same Host twice', 'GET /v1/health HTTP/1.1\r\nHost: a\r\nX-Other: c\r\nhOST: a\r\n\r\n'],
    ['has two Hosts and is of HTTP/1.0', 'GET /v1/health HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['is for everything', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['has two lengths', head('Content-Length: 1', 'Content-Length: 2')],
    ['has a length that is none', head('Content-Length: x')],
    ['has a length below zero', head('Content-Length: -1')],
    ['has a length and chunks', head('Content-Length: 1', 'Transfer-Encoding: chunked')],
    ['has a target that is none', 'GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['has an authority that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ])('is a problem when it %s', async (_, text) => {
    const { write, until } = await openSocket(entry.port);
    await write(text);
    const answer = await until(/\r\n\r\n\{.*\}|\r\n\r\n$/);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toMatch(/^content-type: application\/problem\+json\r$/im);
    expect(answer).toMatch(/^x-request-id: [\da-f]{32}\r$/im);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code: 'request-invalid', status: 400 });
    expect(entry.services.delivered).toHaveLength(0);
  });

  test.each([24_576, 32_768, 200_000])('has status 431 when the headers have %d bytes', async (bytes) => {
    const { write, until } = await openSocket(entry.port);
    await write(head(`X-Long: ${'a'.repeat(bytes)}`));
    const answer = await until(/\r\n\r\n\{.*\}/);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code: 'request-invalid', status: 431 });
  });

  test('a CONNECT request gets a response', async () => {
    const { write, until, ended } = await openSocket(entry.port);
    await write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
    const answer = await until(/\r\n\r\n\{.*\}/);
    expect(answer).toMatch(/^HTTP\/1\.1 405 [\s\S]*^allow: GET, HEAD, POST, OPTIONS\r$/im);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code: 'method-not-allowed', status: 405 });
    await ended;
  });

  test('an unknown expectation is ignored', async () => {
    const { write, until } = await openSocket(entry.port);
    await write(head('Authorization: Bearer good', 'Expect: a-miracle', 'Content-Length: 2').concat('ok'));
    await until(/^HTTP\/1\.1 201 /);
  });

  test('a request to upgrade gets a normal response', async () => {
    const { write, until } = await openSocket(entry.port);
    await write('GET /v1/health HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n');
    await until(/^HTTP\/1\.1 200 /);
  });
});
