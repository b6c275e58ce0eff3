import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { ask } from './redirect.ts';

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
});
afterAll(() => google.close());

/** Sends raw bytes on a socket. Returns the answer. */
const raw = async (text: string, breakOffAfterMs?: number): Promise<string> => {
  const socket = connect(Number(new URL(google.origin).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.write(text);
  if (breakOffAfterMs !== undefined) setTimeout(() => socket.resetAndDestroy(), breakOffAfterMs);
  await once(socket, 'close');
  return answer;
};
const CLOSE = 'Connection: close\r\n';

describe('where a request goes', () => {
  test.each([
    ['an unknown host', '/api.example.com/x', 404],
    ['a Google host without that API', '/sheets.googleapis.com/v4/x', 404],
    ['a known host without that path', '/oauth2.googleapis.com/nothing', 404],
    ['a method that the path does not have', '/oauth2.googleapis.com/token', 404],
    ['no host at all', '/nothing', 404],
    ['a path that is no UTF-8', '/secretmanager.googleapis.com/v1/projects/%ff%fe', 400],
    ['the host with its port', '/www.googleapis.com:443/oauth2/v3/certs', 200],
  ])('%s: %s', async (_, path, status) => {
    const answer = await ask(`${google.origin}${path}`);
    expect(answer.status).toBe(status);
    if (status === 404) expect(answer.body.error).toMatchObject({ code: 404, status: 'NOT_FOUND' });
  });

  test('the Host header counts when the path names no host', async () => {
    const answer = await raw(`GET /oauth2/v3/certs HTTP/1.1\r\nHost: www.googleapis.com\r\n${CLOSE}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    expect(answer).toContain('"kid"');
    const metadata = await raw(
      `GET / HTTP/1.1\r\nHost: metadata.google.internal\r\nMetadata-Flavor: Google\r\n${CLOSE}\r\n`,
    );
    expect(metadata).toContain('computeMetadata/');
  });

  test('Expect: 100-continue gets its 100', async () => {
    const answer = await raw(
      `POST /oauth2.googleapis.com/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n${CLOSE}\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400/);
  });
});

describe('nothing crashes it', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01'.padEnd(200, '\x00')],
    [
      'two lengths',
      'POST /oauth2.googleapis.com/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
    ],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(5000)}\r\n`],
  ])('%s gets a 400 or 431', async (_, text) => {
    expect(await raw(text)).toMatch(/^HTTP\/1\.1 4(00|31)/);
  });

  test('callers that disconnect during a body, and during a fault', async () => {
    google.faults.add({ path: '/token', fault: { kind: 'throttle', bytesPerSecond: 1000 } });
    const head = 'POST /oauth2.googleapis.com/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n';
    await Promise.all(Array.from({ length: 20 }, (_, index) => raw(head + 'a'.repeat(2000), 5 + index)));
    google.faults.clear();
    expect((await ask(`${google.origin}/www.googleapis.com/oauth2/v3/certs`)).status).toBe(200);
  });

  test('a body over a megabyte at an endpoint that takes forms', async () => {
    const answer = await ask(`${google.origin}/oauth2.googleapis.com/token`, {
      method: 'POST',
      body: 'a'.repeat(11_000_000),
    });
    expect(answer.status).toBe(400);
  });

  test('any path, method and body: an answer below 500', async () => {
    const hosts = fc
      .constantFrom('oauth2', 'accounts', 'www', 'secretmanager', 'iamcredentials', 'sts')
      .map((name) => `${name}.googleapis.com`);
    const paths = fc.oneof(
      fc.constantFrom(
        'token',
        'revoke',
        'tokeninfo',
        'v1/token',
        'v1/projects/p/secrets/s:addVersion',
        'v1/projects/-/serviceAccounts/a:signJwt',
        'oauth2/v4/token',
      ),
      fc.webPath().map((path) => path.slice(1)),
    );
    const bodies = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .dictionary(fc.constantFrom('grant_type', 'assertion', 'subject_token', 'audience', 'token'), fc.string())
        .map((form) => new URLSearchParams(form).toString()),
    );
    const types = fc.constantFrom('application/json', 'application/x-www-form-urlencoded');
    await fc.assert(
      fc.asyncProperty(hosts, paths, bodies, types, async (host, path, body, type) => {
        const answer = await ask(`${google.origin}/${host}/${path}`, {
          method: 'POST',
          body,
          headers: { 'content-type': type },
        });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(502);
        expect(answer.status).not.toBe(500);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  test('names of Object.prototype are not found', async () => {
    const headers = {
      authorization: `Bearer ${google.world.accessToken('ops@example.com', ['https://www.googleapis.com/auth/cloud-platform'])}`,
    };
    for (const name of ['constructor', '__proto__', 'toString']) {
      const { status } = await ask(
        `${google.origin}/secretmanager.googleapis.com/v1/projects/local-project/secrets/${name}/versions/latest:access`,
        { headers },
      );
      expect(status).toBe(404);
    }
  });
});

describe('data', () => {
  test('keys, secrets and tokens survive a restart in the same folder', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'local-google-test-'));
    try {
      const first = await startLocalGoogle({ dataDir });
      const key = first.world.keyFile(first.world.emails.courier);
      const token = first.world.accessToken('alice@example.com', ['openid']);
      first.world.secrets.addVersion('drive-key', Buffer.from('second'));
      await first.close();
      const second = await startLocalGoogle({ dataDir });
      expect(second.world.keyFile(second.world.emails.courier)).toEqual(key);
      expect(second.world.tokens.holderOf(token, [])).toMatchObject({ email: 'alice@example.com' });
      expect(second.world.secrets.find('drive-key')?.versions).toHaveLength(2);
      const file = JSON.parse(readFileSync(second.world.keyFiles.courier ?? '', 'utf8')) as { token_uri: string };
      expect(file.token_uri.startsWith(second.origin)).toBe(true);
      await second.close();
      expect(existsSync(dataDir)).toBe(true);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  test('a temporary folder is removed on close, and open connections are closed', async () => {
    const other = await startLocalGoogle();
    await fetch(`${other.origin}/www.googleapis.com/oauth2/v3/certs`);
    const socket = connect(Number(new URL(other.origin).port), '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await other.close();
    await closed;
    expect(existsSync(other.dataDir)).toBe(false);
  });
});
