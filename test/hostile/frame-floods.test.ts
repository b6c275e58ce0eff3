import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  headerBlock,
  openHttp2,
  requestFields,
  setting,
  uint32,
} from '../support/http/http2-frames.ts';
import { createAttack, MEBIBYTE } from './attack.ts';

const { attacked, under } = createAttack();

/** Writes until the peer closes, or until this many bytes are sent. Returns the number of sent bytes. */
const flood = async (socket: Socket, next: (turn: number) => Buffer, mostBytes: number): Promise<number> => {
  let sent = 0;
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  socket.on('end', () => {
    closed = true;
  });
  for (let turn = 0; sent < mostBytes && !closed; turn += 1) {
    const bytes = next(turn);
    sent += bytes.byteLength;
    if (socket.write(bytes)) continue;
    const drained = new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
    // A peer that accepts nothing for so long has stopped reading.
    if (await Promise.race([drained, sleep(2_000, 'stuck', { ref: false })])) break;
  }
  return sent;
};

describe('floods of HTTP/2 frames end only their own connection', () => {
  const request = headerBlock(requestFields('GET', '/v1/destinations'));

  test('rapid reset', async () => {
    await under(async () => {
      const { socket, ended } = await openHttp2(attacked().port);
      let stream = 1;
      const streams = await flood(
        socket,
        () => {
          const pairs: Buffer[] = [];
          for (let n = 0; n < 100; n += 1) {
            pairs.push(frame(FRAME.headers, END_HEADERS | END_STREAM, stream, request));
            pairs.push(frame(FRAME.resetStream, 0, stream, uint32(8)));
            stream += 2;
          }
          return Buffer.concat(pairs);
        },
        64 * MEBIBYTE,
      );
      expect(streams).toBeLessThan(64 * MEBIBYTE);
      await ended;
      socket.destroy();
    });
  }, 60_000);

  test.each([
    ['CONTINUATION without an end', frame(FRAME.continuation, 0, 1, Buffer.alloc(16_384, 0))],
    ['CONTINUATION with header fields', frame(FRAME.continuation, 0, 1, headerBlock([['x-flood', 'y'.repeat(8_000)]]))],
    ['empty CONTINUATION', Buffer.concat(Array.from({ length: 500 }, () => frame(FRAME.continuation, 0, 1)))],
  ])(
    '%s',
    async (_, bytes) => {
      await under(async () => {
        const { socket, write, ended } = await openHttp2(attacked().port);
        await write(frame(FRAME.headers, END_STREAM, 1, request));
        expect(await flood(socket, () => bytes, 32 * MEBIBYTE)).toBeLessThan(32 * MEBIBYTE);
        await ended;
        socket.destroy();
      });
    },
    60_000,
  );

  test.each([
    ['PING', frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', frame(FRAME.settings, 0, 0, setting(4, 65_535))],
  ])(
    '%s whose responses are never read',
    async (_, one) => {
      const many = Buffer.concat(Array.from({ length: 1_000 }, () => one));
      await under(async () => {
        const { socket } = await openHttp2(attacked().port);
        socket.pause();
        await flood(socket, () => many, 16 * MEBIBYTE);
        socket.destroy();
      });
    },
    60_000,
  );

  test.each([
    ['empty DATA', frame(FRAME.data, 0, 1)],
    ['WINDOW_UPDATE', frame(FRAME.windowUpdate, 0, 1, uint32(1))],
    ['PRIORITY', frame(2, 0, 1, Buffer.alloc(5))],
    ['a frame of an unknown type', frame(200, 0, 0, Buffer.alloc(64))],
  ])(
    '%s on a request of an unknown caller',
    async (_, one) => {
      const many = Buffer.concat(Array.from({ length: 500 }, () => one));
      await under(async () => {
        const { socket, write } = await openHttp2(attacked().port);
        const fields = requestFields('POST', '/v1/files?name=a', { authorization: 'Bearer x' });
        await write(frame(FRAME.headers, END_HEADERS, 1, headerBlock(fields)));
        await flood(socket, () => many, 8 * MEBIBYTE);
        socket.destroy();
      });
    },
    60_000,
  );

  test('a hundred thousand header fields that refer to one table entry (HPACK bomb)', async () => {
    await under(async () => {
      const { socket, write, ended } = await openHttp2(attacked().port);
      // RFC 7541, 6.2.1 and 6.1: one literal of 4,000 bytes goes into the table, and is then referenced with one byte
      // each.
      const big = headerBlock([['x-big', 'z'.repeat(4_000)]]);
      big.writeUInt8(0x40, 0);
      const block = Buffer.concat([request, big, Buffer.alloc(11_000, 0xbe)]);
      await write(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, block));
      await Promise.race([ended, sleep(2_000)]);
      socket.destroy();
    });
  }, 60_000);

  test('thousands of responses that are never read', async () => {
    await under(async () => {
      const wires = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const wire = await openHttp2(attacked().port, setting(4, 0));
          const ask = headerBlock(requestFields('GET', '/openapi.json'));
          for (let n = 0; n < 100; n += 1)
            await wire.write(frame(FRAME.headers, END_HEADERS | END_STREAM, 1 + 2 * n, ask));
          return wire;
        }),
      );
      await sleep(2_000);
      for (const { socket } of wires) socket.destroy();
    });
  }, 60_000);

  test('another connection is served meanwhile', async () => {
    const { socket } = await openHttp2(attacked().port);
    const pings = Buffer.concat(Array.from({ length: 100 }, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))));
    const flooding = flood(socket, () => pings, 4 * MEBIBYTE);
    const session = http2Connect(attacked().courier.url);
    const stream = session.request({ ':path': '/v1/health' });
    const [headers] = await once(stream.resume(), 'response');
    expect(headers[':status']).toBe(200);
    session.destroy();
    await flooding;
    socket.destroy();
  }, 60_000);
});
