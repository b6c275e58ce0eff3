import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import { createEntryStarter } from '../support/http/http-forms.ts';
import { openSocket } from '../support/http/raw-socket.ts';
import { createLoopProbe, type LoopProbe, smallestOf } from '../support/processes/loop-delay.ts';

const TIMEOUT_MS = 60_000;

describe('a caller that never closes its side of a connection', () => {
  const { started, close } = createEntryStarter();
  afterEach(close);

  test.each([
    ['whose request cannot be parsed', 'NONSENSE\r\n\r\n', 400],
    ['whose headers do not arrive in time', 'GET /v1/health HTTP/1.1\r\nHost: a\r\nX-', 400],
    ['whose headers are too large', `GET /v1/health HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(200_000)}\r\n\r\n`, 431],
    ['that asks for a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 405],
  ])(
    '%s keeps no connection',
    async (_, request, status) => {
      const { port, stop } = await started('HTTP/1.1', { times: { headersMs: 500, idleMs: 60_000 } });
      const { socket, write, until, ended } = await openSocket(port);
      await write(request);
      await until(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*\\}$`));
      await ended;
      // A server that stops waits until it has no connection.
      const outcome = await Promise.race([stop().then(() => 'closed'), sleep(5_000, 'kept', { ref: false })]);
      socket.destroy();
      expect(outcome).toBe('closed');
    },
    TIMEOUT_MS,
  );
});

describe('requests that arrive together on one connection', () => {
  const MAX_BLOCKED_MS = 50;
  let probe: LoopProbe;
  let google: LocalGoogle;
  let courier: CourierProcess;

  beforeAll(async () => {
    probe = createLoopProbe();
    google = await startLocalGoogle();
    const { world, places } = google;
    const callers = [world.emails.exporter];
    const destinations = { reports: { folder: places.sharedDriveFolder, credentials: 'main', callers } };
    const credentials = { main: { file: world.keyFiles.courier } };
    courier = await startCourierIn(google, { config: { destinations, credentials }, env: probe.env() });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
    probe?.close();
  });

  const port = (): number => Number(new URL(courier.url).port);

  test('get their responses in their order, if they are few', async () => {
    const { socket, write, until } = await openSocket(port());
    await write(
      ['/v1/health', '/nowhere', '/v1/health'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''),
    );
    const text = await until(/(?:HTTP\/1\.1[\s\S]*?\}){3}/);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    socket.destroy();
  });

  test('are all answered, if they are a hundred', async () => {
    const { socket, write, until } = await openSocket(port());
    await write('GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100));
    await until(/(?:HTTP\/1\.1 200[\s\S]*?\}){100}/);
    socket.destroy();
  });

  test.each([
    ['for health', 'GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['of the fewest bytes', 'GET / HTTP/1.1\r\n\r\n'],
    ['with a forged token', 'POST /v1/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n'],
  ])(
    '%s do not block the event loop, if they are thousands',
    async (_, request) => {
      const flood = async (): Promise<number> => {
        await probe.reset(courier.child);
        const { socket, ended } = await openSocket(port());
        socket.write(`${request.repeat(4_000)}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
        await ended;
        socket.destroy();
        return (await probe.read()).busyMs;
      };
      // What is compiled on first use remains.
      await flood();
      expect(await smallestOf(MAX_BLOCKED_MS, flood)).toBeLessThan(MAX_BLOCKED_MS);
    },
    TIMEOUT_MS,
  );
});

describe('the first request of a process, whose body arrives in chunks of one byte', () => {
  /**
   * Node's parser alone takes about 50 ms for the 10,922 chunks that it reads at once, as long as its code is not compiled. If each
   * chunk is passed on by itself, or if more is read in the same turn, it takes 500 to 1,500 ms.
   */
  const MAX_FIRST_MS = 300;
  const CHUNKS = 500_000;
  let google: LocalGoogle;
  beforeAll(async () => {
    google = await startLocalGoogle();
  }, TIMEOUT_MS);
  afterAll(() => google?.close());

  test.each([
    ['a document', '/v1/exports', 'application/json', '{"name":"a","source":{"text":"'],
    ['an archive', '/v1/files?unpack=zip', 'application/zip', 'PK'],
    ['a file', '/v1/files?name=a', 'application/octet-stream', 'a'],
  ])(
    '%s does not block the event loop',
    async (_, path, type, start) => {
      const { emails, idToken, keyFiles } = google.world;
      const callers = [emails.exporter];
      const destinations = { reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers } };
      const config = { destinations, credentials: { main: { file: keyFiles.courier } } };
      const token = idToken({ email: emails.exporter, audience: AUDIENCE });
      const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${type}\r\n`;
      const measure = async (): Promise<number> => {
        const probe = createLoopProbe();
        // Any earlier request would have its code compiled.
        const courier = await startCourierIn(google, { config, env: probe.env() });
        try {
          await probe.reset(courier.child);
          const { socket, write } = await openSocket(Number(new URL(courier.url).port));
          await write(`${head}Transfer-Encoding: chunked\r\n\r\n${start.length.toString(16)}\r\n${start}\r\n`);
          socket.write('1\r\na\r\n'.repeat(CHUNKS));
          await sleep(3_000);
          socket.destroy();
          return (await probe.read()).busyMs;
        } finally {
          await courier.stop();
          probe.close();
        }
      };
      expect(await smallestOf(MAX_FIRST_MS, measure)).toBeLessThan(MAX_FIRST_MS);
    },
    TIMEOUT_MS,
  );
});
