import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { createHttp } from '../../../src/google/http.ts';
import { requestTarget } from '../../../src/text/request-target.ts';

test.each([
  ['https://www.googleapis.com', { protocol: 'https:', hostname: 'www.googleapis.com', port: '', path: '/' }],
  [
    'https://example.com:8443/a%20b?x=1&y=%2F#top',
    { protocol: 'https:', hostname: 'example.com', port: '8443', path: '/a%20b?x=1&y=%2F' },
  ],
  ['http://[::1]:80/v1?', { protocol: 'http:', hostname: '::1', port: '', path: '/v1' }],
  ['http://a%40b:c%3Ad@h/', { protocol: 'http:', hostname: 'h', port: '', path: '/', auth: 'a@b:c:d' }],
])('%s', (url, expected) => {
  expect(requestTarget(new URL(url))).toEqual(expected);
});

test.each(['127.0.0.1', '[::1]'])('a request to %s arrives with its path, query and Host', async (host) => {
  const server = createServer((request, response) => response.end(`${request.headers.host}${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, '::', resolve));
  const { port } = server.address() as AddressInfo;
  const http = createHttp();
  try {
    const url = `http://${host}:${port}/a?b=c%26d`;
    const answer = await http.send({ method: 'GET', url, headers: {}, body: [], timeoutMs: 5_000 });
    expect(answer.body.toString()).toBe(`${host}:${port}/a?b=c%26d`);
  } finally {
    http.close();
    server.close();
  }
});
