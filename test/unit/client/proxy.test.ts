import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createExchange } from '../../../src/client/http/http.ts';
import { proxyFor } from '../../../src/client/http/proxy.ts';
import { CourierClient } from '../../../src/client/index.ts';
import { runCourier } from '../../support/client/client-process.ts';

describe('the proxy for a URL', () => {
  const HTTPS_PROXY = 'http://user:secret@proxy.example:3128';
  const proxied = (url: string, env: Record<string, string>): string | undefined => proxyFor(env, new URL(url))?.host;

  test.each([
    ['https', 'https://a.example', {}, 'proxy.example:3128'],
    ['http, which only metadata servers and this machine speak', 'http://a.example', {}, undefined],
    ['this machine', 'https://127.0.0.1', {}, undefined],
    ['an excluded host', 'https://a.example', { NO_PROXY: 'b.example, a.example' }, undefined],
    ['its subdomains', 'https://x.a.example', { NO_PROXY: 'a.example' }, undefined],
    ['a suffix', 'https://x.a.example', { NO_PROXY: '.a.example' }, undefined],
    ['a suffix with a star', 'https://x.a.example', { NO_PROXY: '*.A.example' }, undefined],
    ['another host with the same ending', 'https://ba.example', { NO_PROXY: 'a.example' }, 'proxy.example:3128'],
    ['all hosts', 'https://a.example', { NO_PROXY: '*' }, undefined],
    ['a host on its port', 'https://a.example:8443', { no_proxy: 'a.example:8443' }, undefined],
    ['a host on the port of https', 'https://a.example', { no_proxy: 'a.example:443' }, undefined],
    ['a host on another port', 'https://a.example', { no_proxy: 'a.example:8443' }, 'proxy.example:3128'],
    ['lower case first', 'https://a.example', { https_proxy: 'other.example:1' }, 'other.example:1'],
    ['no proxy', 'https://a.example', { HTTPS_PROXY: '' }, undefined],
  ] as [string, string, Record<string, string>, string | undefined][])('%s', (_, url, env, expected) => {
    expect(proxied(url, { HTTPS_PROXY, ...env })).toBe(expected);
  });

  test.each(['socks5://user:secret@proxy.example', 'http://:secret:'])(
    '%s is a usage error without the password',
    (value) => {
      expect(() => proxied('https://a.example', { HTTPS_PROXY: value })).toThrow(
        expect.objectContaining({ code: 'usage', detail: expect.not.stringContaining('secret') }),
      );
    },
  );
});

/** A courier with TLS whose name only the proxy can reach, and the proxy. */
let folder: string;
let authority: string;
const servers: Server[] = [];
const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const connects: { target: string | undefined; authorization: string | undefined }[] = [];
let refusal: number | undefined;
let proxyPort: number;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'courier-proxy-'));
  authority = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=courier.example', '-addext', 'subjectAltName=DNS:courier.example'];
  const files = ['-keyout', key, '-out', authority];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files], {
    stdio: 'ignore',
  });
  const tls = { key: readFileSync(key), cert: readFileSync(authority) };
  const courierPort = await listen(
    createTlsServer(tls, (_, response) => void response.end(JSON.stringify({ destinations: [{ name: 'reached' }] }))),
  );
  const proxy = createHttpServer();
  proxy.on('connect', (request, socket) => {
    connects.push({ target: request.url, authorization: request.headers['proxy-authorization'] });
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} Refused\r\n\r\n`);
      return;
    }
    const upstream = connect(courierPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  proxyPort = await listen(proxy);
  // The identity comes from a metadata server, which is reached without a proxy.
  metadata = await listen(createHttpServer((_, response) => void response.end('token')));
}, 60_000);
let metadata: number;
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

const list = (env: Record<string, string>, ...args: string[]) =>
  runCourier([...args, '--url', 'https://courier.example', 'destinations'], {
    env: {
      GCE_METADATA_HOST: `127.0.0.1:${metadata}`,
      NO_GCE_CHECK: 'false',
      NODE_EXTRA_CA_CERTS: authority,
      ...env,
    },
  });

describe('the command', () => {
  test('reaches the courier through the proxy, with its password, and prints no password', async () => {
    const { code, stdout, stderr } = await list(
      { HTTPS_PROXY: `http://user:pa%20ss@127.0.0.1:${proxyPort}` },
      '--verbose',
    );
    expect([code, stdout]).toEqual([0, 'reached\n']);
    const authorization = `Basic ${Buffer.from('user:pa ss').toString('base64')}`;
    expect(connects.at(-1)).toEqual({ target: 'courier.example:443', authorization });
    expect(stderr).not.toMatch(/pa%20ss|pa ss|Basic/);
  });

  test('names a proxy that rejects the request as the cause, which is not retryable', async () => {
    refusal = 407;
    const { code, stderr } = await list({ HTTPS_PROXY: `http://user:secret@127.0.0.1:${proxyPort}` });
    refusal = undefined;
    expect(code).toBe(1);
    expect(stderr).toContain(`the proxy http://127.0.0.1:${proxyPort} (HTTPS_PROXY) answered HTTP 407`);
    expect(stderr).not.toContain('secret');
  });

  test('names an unreachable proxy as the cause', async () => {
    const client = new CourierClient({
      url: 'https://courier.example',
      identity: { idToken: async () => 'token' },
      env: { HTTPS_PROXY: 'http://127.0.0.1:9' },
      retry: { attempts: 1 },
    });
    await expect(client.destinations()).rejects.toMatchObject({
      code: 'courier-unreachable',
      retryable: true,
      detail: expect.stringContaining('the proxy http://127.0.0.1:9 (HTTPS_PROXY): Connection refused'),
    });
  });

  test('sends later requests over the same connection', async () => {
    const trusted = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...trusted, readFileSync(authority, 'utf8')]);
    try {
      const exchange = createExchange({ HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` });
      const before = connects.length;
      for (let turn = 0; turn < 3; turn++) {
        expect((await exchange({ method: 'GET', url: `https://courier.example/${turn}` })).status).toBe(200);
      }
      expect(connects.length - before).toBe(1);
    } finally {
      tls.setDefaultCACertificates(trusted);
    }
  });
});
