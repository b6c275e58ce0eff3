import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { createHttpServer } from '../../src/http/server/http-server.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  headerBlock,
  openHttp2,
  requestFields,
} from '../support/http/http2-frames.ts';
import { openSocket } from '../support/http/raw-socket.ts';
import { createLoopProbe, type LoopProbe, smallestOf } from '../support/processes/loop-delay.ts';

const TIMEOUT_MS = 120_000;
/** Less than the flow-control window of a stream, so that all frames can be sent at once. */
const CHUNKS = 200_000;
const FORM_START = '--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\n';

interface Sent {
  path: string;
  type: string;
  start: string;
  end: string;
}

const FILE = { path: '/v1/files?name=a', type: 'application/octet-stream', start: 'a', end: 'a' };
const FORM = { path: '/v1/files', type: 'multipart/form-data; boundary=b', start: FORM_START, end: '\r\n--b--\r\n' };
const DOCUMENT = {
  path: '/v1/exports',
  type: 'application/json',
  start: '{"name":"a","source":{"text":"',
  end: '"}}',
};
const ZIP = { path: '/v1/files?unpack=zip', type: 'application/zip', start: 'PK', end: 'a' };

type Send = (port: number, token: string, sent: Sent) => Promise<void>;

/** Resolves when the request is answered. */
const sendChunked: Send = async (port, token, { path, type, start, end }) => {
  const { socket, write, until } = await openSocket(port);
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${type}\r\n`;
  await write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  socket.write(`${chunk(start)}${chunk('a').repeat(CHUNKS)}${chunk(end)}0\r\n\r\n`);
  await until(/^HTTP\/1\.1 \d{3}/);
  socket.destroy();
};

/** Resolves when the request is answered. */
const sendFrames: Send = async (port, token, { path, type, start, end }) => {
  const { socket, write, frames } = await openHttp2(port);
  const fields = requestFields('POST', path, { authorization: `Bearer ${token}`, 'content-type': type });
  const one = frame(FRAME.data, 0, 1, 'a');
  await write(frame(FRAME.headers, END_HEADERS, 1, headerBlock(fields)));
  socket.write(
    Buffer.concat([
      frame(FRAME.data, 0, 1, start),
      Buffer.alloc(CHUNKS * one.byteLength, one),
      frame(FRAME.data, END_STREAM, 1, end),
    ]),
  );
  while (!frames().some(({ type, stream }) => type === FRAME.headers && stream === 1)) await sleep(5);
  socket.destroy();
};

describe.each<['service' | 'courier', string, Send]>([
  ['service', 'chunks', sendChunked],
  ['service', 'DATA frames', sendFrames],
  ['courier', 'chunks', sendChunked],
])('a body that arrives at the %s in %s of one byte does not block the event loop', (form, _, send) => {
  const MAX_BLOCKED_MS = 50;
  /**
   * Node's parser alone takes about 50 ms for the 10,922 chunks that it reads at once, as long as its code is not compiled. If each
   * chunk is passed on by itself, or if more is read in the same turn, it takes 500 to 1,500 ms.
   */
  const MAX_FIRST_MS = 300;
  let google: LocalGoogle;
  let probe: LoopProbe;
  let courier: CourierProcess;
  let token: string;

  const start = (): Promise<CourierProcess> => {
    const callers = [google.world.emails.exporter];
    const destinations = { reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers } };
    const config = { destinations, credentials: { main: { file: google.world.keyFiles.courier } } };
    return startCourierIn(google, { config, form, env: probe.env() });
  };
  const blockedBy = async ({ url, child }: CourierProcess, sent: Sent): Promise<number> => {
    await probe.reset(child);
    await send(Number(new URL(url).port), token, sent);
    return (await probe.read()).busyMs;
  };

  beforeAll(async () => {
    google = await startLocalGoogle();
    probe = createLoopProbe();
    token = google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE });
    courier = await start();
    for (const sent of [FILE, FORM, DOCUMENT, ZIP]) await blockedBy(courier, sent);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
    probe?.close();
  });

  test.each<[string, Sent]>([
    ['a file', FILE],
    ['a form', FORM],
    ['a document', DOCUMENT],
    ['an archive', ZIP],
  ])(
    '%s',
    async (_, sent) => {
      expect(await smallestOf(MAX_BLOCKED_MS, () => blockedBy(courier, sent))).toBeLessThan(MAX_BLOCKED_MS);
    },
    TIMEOUT_MS,
  );

  test.each<[string, Sent]>([
    ['a file', FILE],
    ['a document', DOCUMENT],
  ])(
    '%s is the first request of the process',
    async (_, sent) => {
      await courier.stop();
      const measure = async (): Promise<number> => {
        courier = await start();
        try {
          return await blockedBy(courier, sent);
        } finally {
          await courier.stop();
        }
      };
      expect(await smallestOf(MAX_FIRST_MS, measure)).toBeLessThan(MAX_FIRST_MS);
    },
    TIMEOUT_MS,
  );
});

test(
  'a body that begins with the first bytes of a connection, in small chunks, is not read without a limit',
  async () => {
    let incoming: IncomingMessage | undefined;
    const onRequest = (request: unknown): void => {
      incoming = request as IncomingMessage;
    };
    const server = createHttpServer({ onRequest, onCheckContinue: onRequest }, { concurrentStreams: 1 });
    const { socket, write } = await openSocket(await server.listen(0, '127.0.0.1'));
    try {
      const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
      await write(`${head}${'1\r\na\r\n'.repeat(1_000)}1000000\r\n`);
      const isSent = once(socket, 'drain');
      socket.write(Buffer.alloc(16_777_216));
      await Promise.race([isSent, sleep(500)]);
      expect(incoming?.readableLength).toBeLessThan(262_144);
    } finally {
      socket.destroy();
      const closed = server.close();
      server.destroy();
      await closed;
    }
  },
  TIMEOUT_MS,
);
