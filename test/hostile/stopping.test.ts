import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { tarGzOf } from '../support/archives.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import { openSocket, type RawSocket } from '../support/http/raw-socket.ts';

const TIMEOUT_MS = 60_000;
/** The platform kills the process after this time. */
const PLATFORM_MS = 10_000;

describe('the end of the process is not delayed', () => {
  let google: LocalGoogle;
  let courier: CourierProcess;
  let token: string;

  beforeEach(async () => {
    google = await startLocalGoogle();
    const { world, places } = google;
    const callers = [world.emails.exporter];
    courier = await startCourierIn(google, {
      config: {
        destinations: { reports: { folder: places.sharedDriveFolder, credentials: 'main', callers } },
        credentials: { main: { file: world.keyFiles.courier } },
        receiptTopic: google.topic,
      },
    });
    token = world.idToken({ email: world.emails.exporter, audience: AUDIENCE });
  }, TIMEOUT_MS);
  afterEach(async () => {
    await courier?.kill();
    await google?.close();
  });

  const stop = async (): Promise<{ code: number | null; isInTime: boolean }> => {
    const startedMs = performance.now();
    const code = await courier.stop();
    return { code, isInTime: performance.now() - startedMs < PLATFORM_MS };
  };
  const deliver = async (): Promise<number> => {
    const init = { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: 'x' };
    const response = await fetch(`${courier.url}/v1/files?name=a`, init);
    await response.arrayBuffer();
    return response.status;
  };

  test(
    'by Pub/Sub, which does not answer the receipt of a file',
    async () => {
      google.faults.add({ host: 'pubsub.googleapis.com', fault: { kind: 'delay', ms: 40_000 } });
      expect(await deliver()).toBe(201);
      await sleep(500);
      expect(await stop()).toEqual({ code: 0, isInTime: true });
    },
    TIMEOUT_MS,
  );

  test(
    'by callers that neither send, nor read, nor close their connections',
    async () => {
      const port = Number(new URL(courier.url).port);
      expect(await deliver()).toBe(201);
      const name = 'x'.repeat(50_000);
      const entries = Array.from({ length: 200 }, (_, index) => ({
        name: `${index}${name}`,
        type: 'symlink' as const,
      }));
      const archive = await tarGzOf(entries.map((entry) => ({ ...entry, linkname: 'y' })));
      const post = `POST /v1/files?name=a&unpack=tar.gz HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n`;
      const heads = [
        '',
        'NONSENSE\r\n\r\n',
        'GET /v1/health HTTP/1.1\r\nHost: a\r\nX-',
        'GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n',
        'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0',
        `${post.replace('&unpack=tar.gz', '')}Content-Length: 100000\r\n\r\nx`,
        `${post.replace('name=a&', '')}Content-Length: ${archive.byteLength}\r\n\r\n`,
      ];
      const sockets: RawSocket[] = [];
      for (const head of heads) {
        const opened = await openSocket(port);
        sockets.push(opened);
        opened.socket.pause();
        opened.socket.write(head);
        if (head.includes('unpack')) opened.socket.write(archive);
      }
      await sleep(1_000);
      expect(await stop()).toEqual({ code: 0, isInTime: true });
      for (const { socket } of sockets) socket.destroy();
    },
    TIMEOUT_MS,
  );
});
