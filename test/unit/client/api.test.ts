import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { CourierClient, CourierClientError } from '../../../src/client/index.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse, turn: number) => void;

/** A server in the courier's place, and a client of it that records its waits instead of waiting. */
const start = async (handler: Handler) => {
  let turn = 0;
  const seen: { authorization: string | undefined; key: string | undefined; path: string }[] = [];
  const server = createServer((request, response) => {
    turn += 1;
    const { authorization, 'idempotency-key': key } = request.headers;
    seen.push({ authorization, key: key === undefined ? undefined : String(key), path: request.url ?? '' });
    handler(request, response, turn);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const waits: number[] = [];
  let minted = 0;
  const client = new CourierClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    identity: { idToken: async () => `token-${++minted}` },
    retry: { random: () => 0.5, sleep: async (milliseconds) => waits.push(milliseconds) },
  });
  return { client, seen, waits };
};

const problem = (
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(
    JSON.stringify({
      type: 'about:blank',
      title: 'T',
      status,
      code,
      remedy: 'R',
      retryable: status >= 429 && status !== 500,
    }),
  );
};
const list = (response: ServerResponse): void => void response.end(JSON.stringify({ destinations: [] }));
const failureOf = async (work: Promise<unknown>): Promise<CourierClientError> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof CourierClientError) return error;
  throw new Error('it did not fail as it should');
};

describe('a response that did not come from a courier', () => {
  test.each([
    [401, '<html>Unauthorized</html>', 'platform-refused', 1],
    [403, '<html>Your client does not have permission</html>', 'platform-refused', 1],
    [404, 'page not found', 'not-a-courier', 1],
    [413, '<html>Too large</html>', 'body-too-large', 1],
    [200, '<html>hello</html>', 'not-a-courier', 1],
    [200, '{"hello": 1}', 'not-a-courier', 1],
    [502, 'Bad Gateway', 'platform-busy', 75],
    [503, 'Service Unavailable', 'platform-busy', 75],
  ] as const)('%i %s is %s', async (status, text, code, exitCode) => {
    const { client, seen } = await start((_, response) => response.writeHead(status).end(text));
    expect(await failureOf(client.destinations())).toMatchObject({ code, exitCode });
    expect(seen).toHaveLength(exitCode === 75 ? 6 : 1);
  });

  test('without an end is abandoned', async () => {
    const { client } = await start((_, response) => {
      response.writeHead(200);
      const pour = (): void =>
        void (response.write('x'.repeat(65_536)) ? setImmediate(pour) : response.once('drain', pour));
      pour();
    });
    expect((await failureOf(client.destinations())).code).toBe('courier-unreachable');
  }, 60_000);
});

describe('retrying', () => {
  test('waits longer each time, and never less than Retry-After', async () => {
    const { client, waits } = await start((_, response, turn) =>
      turn <= 3
        ? problem(response, 503, 'drive-unavailable', { 'retry-after': turn === 2 ? '7' : '0' })
        : list(response),
    );
    await client.destinations();
    expect(waits).toEqual([250, 7_500, 1_000]);
  });

  test('waits as long as a limit of the caller asks for, and leaves a longer wait to a later run', async () => {
    const { client, waits, seen } = await start((_, response, turn) =>
      problem(response, 429, 'caller-over-quota', { 'retry-after': turn === 1 ? '37' : '40000' }),
    );
    expect(await failureOf(client.destinations())).toMatchObject({ code: 'caller-over-quota', exitCode: 75 });
    expect([seen.length, waits]).toEqual([2, [37_250]]);
  });

  test('stops if it would take too long', async () => {
    const { client, seen } = await start((_, response) => problem(response, 429, 'busy', { 'retry-after': '3600' }));
    expect(await failureOf(client.destinations())).toMatchObject({
      code: 'busy',
      exitCode: 75,
      retryAfterSeconds: 3600,
    });
    expect(seen).toHaveLength(1);
  });

  test('does not happen after permanent errors', async () => {
    const { client, seen } = await start((_, response) => problem(response, 403, 'caller-not-allowed'));
    expect(await failureOf(client.destinations())).toMatchObject({
      code: 'caller-not-allowed',
      remedy: 'R',
      exitCode: 1,
    });
    expect(seen).toHaveLength(1);
  });

  test('keeps the key, so that two attempts are one delivery', async () => {
    const { client, seen } = await start(async (request, response, turn) => {
      const bytes = await buffer(request);
      if (turn === 1) request.socket.destroy();
      else if (turn === 2) problem(response, 503, 'google-unavailable');
      else problem(response, 422, bytes.toString());
    });
    expect(await failureOf(client.send(Buffer.from('x'), { name: 'x.txt' }))).toMatchObject({ code: 'x' });
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    expect(seen[0]?.key).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('uses a fresh token once if the old one has expired', async () => {
    const { client, seen } = await start((_, response, turn) =>
      turn === 1 ? problem(response, 401, 'token-expired') : list(response),
    );
    await client.destinations();
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  });
});

describe('a stream that can be read once', () => {
  test('is sent once, and an early error response is read', async () => {
    const { client, seen } = await start((_, response) => problem(response, 413, 'too-large'));
    const endless = async function* () {
      for (;;) {
        yield Buffer.alloc(1024 * 1024);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    expect((await failureOf(client.send(endless(), { name: 'endless.bin' }))).code).toBe('too-large');
    expect(seen).toHaveLength(1);
  }, 60_000);
});

test('a receipt for other bytes is never accepted', async () => {
  const { client } = await start(async (request, response) => {
    await buffer(request);
    response.writeHead(201).end(
      JSON.stringify({
        ...{ id: 'f', name: 'x.txt', mimeType: 'text/plain', size: 1, sha256: '0'.repeat(64), md5: null },
        ...{ destination: 'd', path: '', folderId: 'p', webViewLink: 'https://x', outcome: 'created' },
        ...{ createdTime: 't', modifiedTime: 't', caller: 'c', idempotencyKey: null },
      }),
    );
  });
  expect((await failureOf(client.send(Buffer.from('x'), { name: 'x.txt' }))).code).toBe('receipt-mismatch');
});

describe('an address', () => {
  test.each(['http://courier.example', 'ftp://127.0.0.1', 'courier.example', ''])(
    '%s is rejected: a token must not be sent in plain text',
    (url) => {
      expect(() => new CourierClient({ url })).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );
});
