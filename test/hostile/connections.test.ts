import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { startCourierIn } from '../support/courier/courier-in-world.ts';
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

  /** Whether so many responses with JSON have arrived, and the last one is whole. */
  const areAnswered =
    (count: number) =>
    (text: string): boolean =>
      text.split('HTTP/1.1 ').length > count && text.endsWith('}');

  test('get their responses in their order, if they are few', async () => {
    const { socket, write, until } = await openSocket(port());
    await write(
      ['/v1/health', '/nowhere', '/v1/health'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''),
    );
    const text = await until(areAnswered(3));
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    socket.destroy();
  });

  test('are all answered, if they are a hundred', async () => {
    const { socket, write, until } = await openSocket(port());
    await write('GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100));
    await until(areAnswered(100));
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
