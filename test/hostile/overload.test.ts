import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { openSocket } from '../support/http/raw-socket.ts';
import { createAttack, type Delivered, MEBIBYTE, ROOM } from './attack.ts';

const { attacked, deliver, under } = createAttack();

describe('more than it can handle', () => {
  test('ten times its concurrent deliveries: accepted ones are complete, the others get the time to retry', async () => {
    const bodies = Array.from({ length: 10 * ROOM }, () => randomBytes(3 * MEBIBYTE));
    let results: PromiseSettledResult<Delivered>[] = [];
    await under(async () => {
      results = await Promise.allSettled(bodies.map(deliver));
    });
    const stored = new Map(
      attacked()
        .google.drive.files()
        .map(({ id, sha256 }) => [id, sha256]),
    );
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
    const head = `POST /v1/files?name=slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${attacked().token}\r\n`;
    await under(async () => {
      let refused: Delivered | undefined;
      // Some of the first may be rejected themselves, while earlier deliveries are being released.
      for (let tries = 0; refused?.status !== 429 && tries < 20 * ROOM; tries += 1) {
        const { socket, write } = await openSocket(attacked().port);
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
        const socket = connect(attacked().port, '127.0.0.1');
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
        const { socket, write, ended } = await openSocket(attacked().port);
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
        const { socket, write, ended } = await openSocket(attacked().port);
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
        const url = `${attacked().courier.url}${path}`;
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
