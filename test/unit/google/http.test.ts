import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { createHttp } from '../../../src/google/http.ts';

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
