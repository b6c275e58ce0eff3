import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { limitConnections } from '../../../src/http/server/functions-framework.ts';
import { startCourierIn } from '../../support/courier/courier-in-world.ts';
import { type Entry, startEntry } from '../../support/http/http-forms.ts';
import { openSocket } from '../../support/http/raw-socket.ts';

/** What the service's own server does with a connection, the server of functions-framework does, too. */

const TIMEOUT_MS = 60_000;
const HEALTH = 'GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n';

const expectLimits = (portOf: () => number): void => {
  test.each([
    ['that cannot be parsed', 'NONSENSE\r\n\r\n', 400, 'request-invalid'],
    ['with a space in its target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'request-invalid'],
    ['with headers that are too large', `GET / HTTP/1.1\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`, 431, 'request-invalid'],
    ['for a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 405, 'method-not-allowed'],
  ])('a request %s gets a problem, and keeps no connection', async (_, request, status, code) => {
    const { socket, write, until, ended } = await openSocket(portOf());
    await write(request);
    const answer = await until(/\r\n\r\n\{.*\}$/);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ status, code });
    await ended;
    socket.destroy();
  });

  test('a hundred requests that arrive together are answered', async () => {
    const { socket, write, until } = await openSocket(portOf());
    await write(`${HEALTH.repeat(99)}GET /v1/nowhere HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answers = await until(/HTTP\/1\.1 404 /);
    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(99);
    socket.destroy();
  });

  test('a connection with more requests that wait is closed', async () => {
    const { socket, ended } = await openSocket(portOf());
    socket.write(HEALTH.repeat(400));
    await ended;
    socket.destroy();
  });
};

describe.each(['function', 'function with whole bodies'] as const)('a %s', (form) => {
  let entry: Entry;
  beforeAll(async () => {
    entry = await startEntry(form);
  });
  afterAll(() => entry.close());

  expectLimits(() => entry.port);
});

describe.each(['courier', 'courierEvent'] as const)('the process of %s', (form) => {
  let google: LocalGoogle;
  let courier: CourierProcess;
  beforeAll(async () => {
    google = await startLocalGoogle();
    const { world, places } = google;
    const callers = [world.emails.exporter];
    const destinations = { reports: { folder: places.sharedDriveFolder, credentials: 'main', callers } };
    const credentials = { main: { file: world.keyFiles.courier } };
    courier = await startCourierIn(google, { form, config: { destinations, credentials } });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
  });

  test('has these limits from its first connection on', async () => {
    const { socket, write, until, ended } = await openSocket(Number(new URL(courier.url).port));
    await write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    await until(/^HTTP\/1\.1 405 [\s\S]*\}$/);
    await ended;
    socket.destroy();
  });
});

test('headers that do not arrive in time end the connection', async () => {
  const server = createServer({ connectionsCheckingInterval: 50 }, (_, response) => response.end('ok'));
  limitConnections(server, { headersMs: 200, idleMs: 60_000 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { socket, write, until, ended } = await openSocket((server.address() as AddressInfo).port);
  await write('GET / HTTP/1.1\r\nHost: a\r\nX-');
  expect(await until(/\}$/)).toContain('The headers did not arrive in time.');
  await ended;
  socket.destroy();
  server.close();
  expect([server.requestTimeout, server.keepAliveTimeout]).toEqual([0, 60_000]);
});
