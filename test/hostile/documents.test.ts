import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { SUBSCRIPTION } from '../../local/google/world/names.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';
import { HEAVY_DOCUMENTS, HEAVY_PUSHES } from '../support/http/heavy-bodies.ts';
import { createLoopProbe, type LoopProbe, residentBytes, smallestOf } from '../support/processes/loop-delay.ts';

const MEBIBYTE = 1024 * 1024;
const DOCUMENT_BYTES = 12 * MEBIBYTE;
const PUSH_BYTES = 12_000_000;
const MAX_TURN_MS = 50;
/** The limit of memory as a multiple of the body's size. */
const MAX_TIMES = 3;
/** The memory that any process may accumulate before V8 collects it. */
const SLACK_BYTES = 24 * MEBIBYTE;

let google: LocalGoogle;
let courier: CourierProcess;
let probe: LoopProbe;
beforeAll(async () => {
  google = await startLocalGoogle();
  probe = createLoopProbe();
  const { emails, keyFiles } = google.world;
  const folder = google.places.sharedDriveFolder;
  courier = await startCourierIn(google, {
    config: {
      destinations: { reports: { folder, credentials: 'main', callers: [emails.exporter, emails.ops] } },
      credentials: { main: { file: keyFiles.courier } },
      pubsub: { subscriptions: { [SUBSCRIPTION]: { serviceAccount: emails.pubsubPush, destinations: ['reports'] } } },
    },
    env: { LOG_LEVEL: 'info', ...probe.env('--max-semi-space-size=8') },
  });
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  probe?.close();
  await google?.close();
});

const tokenOf = (email: string): string => google.world.idToken({ email, audience: AUDIENCE });

const send = async (email: string, path: string, body: Buffer): Promise<number> => {
  const response = await fetch(`${courier.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf(email)}`, 'content-type': 'application/json', connection: 'close' },
    body: new Uint8Array(body),
  });
  await response.text();
  return response.status;
};
const pushed = (body: Buffer): Buffer =>
  Buffer.from(body.toString('latin1').replace('SUBSCRIPTION', SUBSCRIPTION), 'latin1');

/** Sends it while the event loop and the memory of the courier are measured. */
const watched = async (email: string, path: string, body: Buffer) => {
  await probe.reset(courier.child);
  const before = residentBytes(courier.child);
  const status = await send(email, path, body);
  const { busyMs } = await probe.read();
  return { status, busyMs, moreBytes: probe.peakBytes(courier.child) - before };
};

const expectModest = async (email: string, path: string, body: Buffer, expected: readonly number[]): Promise<void> => {
  let moreBytes: number | undefined;
  const busyMs = await smallestOf(MAX_TURN_MS, async () => {
    const seen = await watched(email, path, body);
    expect(expected).toContain(seen.status);
    // Of the first measurement: afterwards the process keeps the memory, so a repetition shows no growth.
    moreBytes ??= seen.moreBytes;
    return seen.busyMs;
  });
  expect(busyMs).toBeLessThan(MAX_TURN_MS);
  expect(moreBytes).toBeLessThan(MAX_TIMES * body.byteLength + SLACK_BYTES);
};

describe('no body blocks the event loop or uses more than three times its size', () => {
  beforeAll(async () => {
    // The first ones load libraries and let V8 compile the frequent code.
    for (const { make } of HEAVY_DOCUMENTS) await send(google.world.emails.exporter, '/v1/exports', make(100_000));
    for (const { make } of HEAVY_PUSHES)
      await send(google.world.emails.pubsubPush, '/v1/pubsub', pushed(make(100_000)));
  }, 120_000);

  test.each(HEAVY_DOCUMENTS)(
    'an export document: $kind',
    ({ make, expected }) => expectModest(google.world.emails.exporter, '/v1/exports', make(DOCUMENT_BYTES), expected),
    120_000,
  );

  test.each(HEAVY_PUSHES)(
    'a push: $kind',
    ({ make, expected }) =>
      expectModest(google.world.emails.pubsubPush, '/v1/pubsub', pushed(make(PUSH_BYTES)), expected),
    120_000,
  );
});

describe('slow documents', () => {
  const slow: Socket[] = [];
  beforeEach(() => {
    for (const socket of slow.splice(0)) socket.destroy();
  });

  /** Announces a document, sends its beginning, and then hardly anything. */
  const beginSlowly = (
    email: string,
    path: string,
    { announced, sent, more = 'x' }: { announced: number; sent: number; more?: string },
  ): void => {
    const socket = connect(Number(new URL(courier.url).port), '127.0.0.1');
    const lines = [`Authorization: Bearer ${tokenOf(email)}`, 'Content-Type: application/json'];
    socket.write([`POST ${path} HTTP/1.1`, 'Host: a', ...lines, `Content-Length: ${announced}`, '', ''].join('\r\n'));
    socket.write(`{"name":"slow","source":{"text":"${'x'.repeat(sent)}`);
    const drip = setInterval(() => socket.write(more), 25);
    socket.on('error', () => undefined).on('close', () => clearInterval(drip));
    slow.push(socket);
  };
  const document = (bytes: number): Buffer => Buffer.from(`{"name":"a","source":{"text":"${'x'.repeat(bytes)}"}}`);
  const push = (): Buffer => {
    const data = document(10_000).toString('base64');
    return Buffer.from(JSON.stringify({ message: { messageId: '1', data }, subscription: SUBSCRIPTION }));
  };

  test('of one caller, with any announced size, do not block documents and pushes of others', async () => {
    const { exporter, ops, pubsubPush } = google.world.emails;
    for (let n = 0; n < 8; n += 1) beginSlowly(exporter, '/v1/exports', { announced: 31 * MEBIBYTE, sent: 10 });
    await sleep(500);
    expect(await send(exporter, '/v1/exports', document(8 * MEBIBYTE))).toBe(201);
    expect(await send(ops, '/v1/exports', document(8 * MEBIBYTE))).toBe(201);
    expect(await send(pubsubPush, '/v1/pubsub', push())).toBe(204);
  });

  test('that use up one caller’s share leave capacity for others and for pushes', async () => {
    const { exporter, ops, pubsubPush } = google.world.emails;
    // Fast enough not to be cut off.
    const slowly = { announced: 8 * MEBIBYTE, sent: 7 * MEBIBYTE, more: 'x'.repeat(500) };
    let refused = 0;
    for (let tries = 0; refused !== 429 && tries < 30; tries += 1) {
      // One of them may itself be rejected while a document of an earlier attempt is still being released.
      beginSlowly(exporter, '/v1/exports', slowly);
      await sleep(300);
      if (tries >= 4) refused = await send(exporter, '/v1/exports', document(6 * MEBIBYTE)).catch(() => 429);
    }
    expect(refused).toBe(429);
    expect(await send(ops, '/v1/exports', document(4 * MEBIBYTE))).toBe(201);
    expect(await send(pubsubPush, '/v1/pubsub', push())).toBe(204);
  }, 120_000);

  test('are cut off below a thousand bytes a second', async () => {
    const { exporter } = google.world.emails;
    beginSlowly(exporter, '/v1/exports', { announced: 1_000_000, sent: 10 });
    const [socket] = slow;
    const text = await new Promise<string>((resolve) => socket?.once('data', (piece) => resolve(piece.toString())));
    expect(text).toContain('body-truncated');
  }, 60_000);
});
