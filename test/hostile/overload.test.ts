import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type AttackedCourier, startAttackedCourier } from '../support/attacked-courier.ts';
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
} from '../support/http2-frames.ts';
import { openSocket } from '../support/raw-socket.ts';

const MEBIBYTE = 1024 * 1024;
const ROOM = 8;
/** Well within Cloud Run's default of 512 MiB. */
const MOST_RESIDENT_BYTES = 400 * MEBIBYTE;

let attacked: AttackedCourier;
beforeAll(async () => {
  attacked = await startAttackedCourier({ concurrentUploads: ROOM, bufferBytes: 8 * MEBIBYTE });
  // The first delivery loads libraries.
  for (const size of [10, 6 * MEBIBYTE]) expect((await deliver(randomBytes(size))).status).toBe(201);
}, 60_000);
afterAll(() => attacked?.close());

interface Delivered {
  status: number;
  json: { code?: string; id?: string; sha256?: string };
  retryAfter: string | null;
}

let names = 0;
const deliver = async (bytes: Buffer): Promise<Delivered> => {
  names += 1;
  const response = await fetch(`${attacked.courier.url}/v1/files?name=file-${names}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${attacked.token}` },
    body: new Uint8Array(bytes),
  });
  const { status, headers } = response;
  return { status, json: (await response.json()) as Delivered['json'], retryAfter: headers.get('retry-after') };
};

/** Performs an attack while it polls the health route. Memory must not grow without bound. */
const under = async (attack: () => Promise<void>): Promise<void> => {
  let over = false;
  let peak = 0;
  const watch = async (): Promise<void> => {
    while (!over) {
      await attacked.health();
      peak = Math.max(peak, attacked.residentBytes());
      await sleep(50);
    }
  };
  const watching = watch();
  try {
    await Promise.race([attack(), watching]);
  } finally {
    over = true;
  }
  await watching;
  expect(peak).toBeGreaterThan(0);
  expect(peak / MEBIBYTE).toBeLessThan(MOST_RESIDENT_BYTES / MEBIBYTE);
};

// It must still work after the attack.
afterEach(async () => {
  const bytes = randomBytes(100_000);
  let answer = await deliver(bytes);
  // Requests that were cut off may still be in the process of closing.
  for (let tries = 0; answer.status === 429 && tries < 100; tries += 1) {
    await sleep(100);
    answer = await deliver(bytes);
  }
  const { status, json } = answer;
  expect([status, json.sha256]).toEqual([201, createHash('sha256').update(bytes).digest('hex')]);
});

describe('more than it can handle', () => {
  test('ten times its concurrent deliveries: accepted ones are complete, the others are told when to retry', async () => {
    const bodies = Array.from({ length: 10 * ROOM }, () => randomBytes(3 * MEBIBYTE));
    let results: PromiseSettledResult<Delivered>[] = [];
    await under(async () => {
      results = await Promise.allSettled(bodies.map(deliver));
    });
    const stored = new Map(attacked.google.drive.files().map(({ id, sha256 }) => [id, sha256]));
    let [taken, refused] = [0, 0];
    for (const [index, result] of results.entries()) {
      // A caller that continues to send after an error response may only see a broken connection.
      if (result.status === 'rejected') {
        refused += 1;
        continue;
      }
      const { status, json, retryAfter } = result.value;
      if (status === 201) {
        taken += 1;
        const sha256 = createHash('sha256')
          .update(bodies[index] ?? '')
          .digest('hex');
        expect([json.sha256, stored.get(json.id ?? '')]).toEqual([sha256, sha256]);
      } else {
        refused += 1;
        expect([status, json.code]).toEqual([429, 'busy']);
        expect(Number(retryAfter)).toBeGreaterThan(0);
      }
    }
    expect(taken).toBeGreaterThanOrEqual(ROOM);
    expect(taken + refused).toBe(bodies.length);
  }, 60_000);

  test('with slow callers using all capacity, the next one is rejected at once', async () => {
    const slow: Socket[] = [];
    const head = `POST /v1/files?name=slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${attacked.token}\r\n`;
    await under(async () => {
      let refused: Delivered | undefined;
      // Some of the first may be rejected themselves, while earlier deliveries are being released.
      for (let tries = 0; refused?.status !== 429 && tries < 20 * ROOM; tries += 1) {
        const { socket, write } = await openSocket(attacked.port);
        await write(`${head}Content-Length: 1000000\r\n\r\nx`);
        slow.push(socket);
        await sleep(20);
        if (tries >= ROOM) refused = await deliver(Buffer.from('small'));
      }
      expect([refused?.status, refused?.json.code]).toEqual([429, 'busy']);
      for (const socket of slow) socket.destroy();
      let taken: Delivered | undefined;
      for (let tries = 0; taken?.status !== 201 && tries < 200; tries += 1) {
        taken = await deliver(Buffer.from('small'));
        await sleep(20);
      }
      expect(taken?.status).toBe(201);
    });
  }, 60_000);

  test.each([
    ['without a token', undefined],
    ['with tokens that nobody signed', 'forged'],
  ])(
    'thousands of requests a second %s each get 401',
    async (_, kind) => {
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      let asked = 0;
      const tokenLine = (): string => {
        if (kind === undefined) return '';
        const head = part({ alg: 'RS256', kid: `key-${asked}`, typ: 'JWT' });
        const claims = part({ iss: 'https://accounts.google.com', aud: 'x', sub: String(asked), exp: 4e9, iat: 1 });
        return `Authorization: Bearer ${head}.${claims}.${'A'.repeat(342)}\r\n`;
      };
      let [answered, refused] = [0, 0];
      /** Requests twenty responses at a time, repeatedly. */
      const hammer = async (endsMs: number): Promise<void> => {
        const socket = connect(attacked.port, '127.0.0.1');
        await once(socket, 'connect');
        const pieces = on(socket, 'data', { close: ['close', 'end'] });
        let tail = '';
        for (let due = 0; performance.now() < endsMs; ) {
          const requests = Array.from({ length: 20 }, () => {
            asked += 1;
            return `GET /v1/destinations HTTP/1.1\r\nHost: a\r\n${tokenLine()}\r\n`;
          });
          socket.write(requests.join(''));
          for (due += requests.length; due > 0; ) {
            const { done, value } = await pieces.next();
            if (done) throw new Error('the connection was closed');
            const text = tail + String(value[0]);
            const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
            tail = text.slice(-('HTTP/1.1 401'.length - 1));
            due -= statuses.length;
            answered += statuses.length;
            refused += statuses.filter((status) => status === '401').length;
          }
        }
        socket.destroy();
      };
      await under(async () => {
        const endsMs = performance.now() + 4_000;
        await Promise.all(Array.from({ length: 16 }, () => hammer(endsMs)));
      });
      expect([answered, refused]).toEqual([asked, asked]);
      expect(asked).toBeGreaterThan(2_000);
    },
    60_000,
  );

  test('500 rejected callers that still send their files', async () => {
    await under(async () => {
      const piece = Buffer.alloc(262_144, 'x');
      const send = async (): Promise<void> => {
        const { socket, write, ended } = await openSocket(attacked.port);
        await write(
          'POST /v1/files?name=a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nContent-Length: 9999999\r\n\r\n',
        );
        socket.write(piece);
        await ended;
        socket.destroy();
      };
      await Promise.all(Array.from({ length: 500 }, send));
    });
  }, 60_000);

  test('500 idle connections and 500 that stop within their headers are closed', async () => {
    await under(async () => {
      const open = async (text: string): Promise<void> => {
        const { socket, write, ended } = await openSocket(attacked.port);
        if (text !== '') await write(text);
        await ended;
        socket.destroy();
      };
      const quiet = Array.from({ length: 500 }, () => open(''));
      const half = Array.from({ length: 500 }, () => open('POST /v1/files HTTP/1.1\r\nHost: a\r\nX-'));
      await Promise.all([...quiet, ...half]);
    });
  }, 60_000);
});

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
      const { socket, ended } = await openHttp2(attacked.port);
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
        const { socket, write, ended } = await openHttp2(attacked.port);
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
        const { socket } = await openHttp2(attacked.port);
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
        const { socket, write } = await openHttp2(attacked.port);
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
      const { socket, write, ended } = await openHttp2(attacked.port);
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
          const wire = await openHttp2(attacked.port, setting(4, 0));
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
    const { socket } = await openHttp2(attacked.port);
    const pings = Buffer.concat(Array.from({ length: 100 }, () => frame(FRAME.ping, 0, 0, Buffer.alloc(8))));
    const flooding = flood(socket, () => pings, 4 * MEBIBYTE);
    const session = http2Connect(attacked.courier.url);
    const stream = session.request({ ':path': '/v1/health' });
    const [headers] = await once(stream.resume(), 'response');
    expect(headers[':status']).toBe(200);
    session.destroy();
    await flooding;
    socket.destroy();
  }, 60_000);
});

const hasSlowHttpTest = spawnSync('slowhttptest', ['-h']).error === undefined;
if (!hasSlowHttpTest)
  console.warn('SKIPPED: no slowhttptest here (Debian: slowhttptest), so it does not judge slow connections.');

(hasSlowHttpTest ? describe : describe.skip)('slowhttptest finds the service available throughout', () => {
  test.each([
    ['slow headers', ['-H', '-i', '2']],
    ['slow bodies', ['-B', '-i', '2', '-s', '8192']],
    ['slow readers', ['-X', '-w', '1', '-y', '2', '-n', '1', '-z', '1', '-k', '3']],
    ['ranges', ['-R']],
  ])(
    '%s',
    async (_, args) => {
      let output = '';
      await under(async () => {
        const path = args[0] === '-B' ? '/v1/files?name=a' : '/openapi.json';
        const url = `${attacked.courier.url}${path}`;
        const child = spawn('slowhttptest', ['-c', '400', '-r', '200', '-l', '5', '-p', '3', '-u', url, ...args]);
        child.stdout.on('data', (piece: Buffer) => {
          output += piece.toString();
        });
        child.stderr.on('data', (piece: Buffer) => {
          output += piece.toString();
        });
        await once(child, 'close');
      });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: its output is coloured.
      const plain = output.replace(/\u001b\[[\d;]*m/g, '');
      const [, available] = /service available:\s+(\w+)(?![\s\S]*service available)/.exec(plain) ?? [];
      expect(available).toBe('YES');
    },
    60_000,
  );
});
