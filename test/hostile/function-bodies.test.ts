import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { servedFunction } from '../../src/http/server/functions-framework.ts';
import { AUDIENCE, startCourierIn } from '../support/courier/courier-in-world.ts';

test.each([
  [['node', 'main.js', '--target=courierEvent'], undefined, 'courierEvent'],
  [['node', 'main.js', '--target', 'courier', '--port=1'], 'courierEvent', 'courier'],
  [['node', 'main.js'], 'courierEvent', 'courierEvent'],
  [['node', 'main.js'], undefined, undefined],
])('with %j and FUNCTION_TARGET=%j the function serves %j', (argv, target, expected) => {
  expect(servedFunction(argv, target)).toBe(expected);
});

// Without the courier's setting, functions-framework would read, decompress and parse every body before the function
// authenticates the caller.
describe('the function reads its bodies itself', () => {
  const MEBIBYTE = 1024 * 1024;
  let google: LocalGoogle;
  let courier: CourierProcess;
  let bomb: Buffer;
  beforeAll(async () => {
    // Before the local Google starts in this process, because it could not answer meanwhile.
    bomb = gzipSync(Buffer.alloc(400 * MEBIBYTE));
    google = await startLocalGoogle();
    const { emails, keyFiles } = google.world;
    courier = await startCourierIn(google, {
      form: 'courier',
      config: {
        destinations: {
          reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
        },
        credentials: { main: { file: keyFiles.courier } },
      },
    });
  }, 60_000);
  afterAll(async () => {
    await courier?.stop();
    await google?.close();
  });

  const post = async (path: string, token: string, headers: Record<string, string>, body: string | Uint8Array) => {
    const response = await fetch(`${courier.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, connection: 'close', ...headers },
      body: Buffer.from(body),
    });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  const good = () => google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE });
  const peakBytes = (): number => {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${courier.child.pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) * 1024;
  };

  test('so a decompression bomb of an unknown caller stays compressed', async () => {
    const before = peakBytes();
    for (const type of ['application/octet-stream', 'text/plain', 'application/json']) {
      const headers = { 'content-encoding': 'gzip', 'content-type': type };
      expect(await post('/v1/files?name=a', 'nobody', headers, bomb)).toMatchObject({
        status: 401,
        type: 'application/problem+json',
      });
    }
    expect((peakBytes() - before) / MEBIBYTE).toBeLessThan(100);
  });

  test.each(['null', '"a text"', '{"cut":'])('so %s is a file like any other', async (body) => {
    const { status, text } = await post(`/v1/files?name=a`, good(), { 'content-type': 'application/json' }, body);
    expect([status, JSON.parse(text).size]).toEqual([201, Buffer.byteLength(body)]);
  });

  test('so invalid JSON returns a problem, and no page with a stack trace', async () => {
    const { status, type, text } = await post(
      '/v1/exports',
      good(),
      { 'content-type': 'application/json' },
      '{"source":',
    );
    expect([status, type]).toEqual([400, 'application/problem+json']);
    expect(text).not.toMatch(/<html|node_modules|SyntaxError/);
  });

  test.each(['/%', '/favicon.ico', '/v1/files/'])(
    'so the path %s returns a problem, and no page with a stack trace',
    async (path) => {
      const { status, type, text } = await post(path, good(), {}, 'x');
      expect([status, type]).toEqual([404, 'application/problem+json']);
      expect(text).not.toMatch(/<html|node_modules|Error:/);
    },
  );
});

// Started without NODE_ENV, as on the platform: Express and the framework respond to these, and must not show a stack
// trace.
test.each(['unset', 'development'])(
  'the event function shows no stack trace, with NODE_ENV %s',
  async (mode) => {
    const google = await startLocalGoogle();
    const { emails, keyFiles } = google.world;
    const courier = await startCourierIn(google, {
      form: 'courierEvent',
      env: mode === 'unset' ? {} : { NODE_ENV: mode },
      config: {
        destinations: {
          reports: { folder: google.places.sharedDriveFolder, credentials: 'main', callers: [emails.exporter] },
        },
        credentials: { main: { file: keyFiles.courier } },
      },
    });
    try {
      const json = { 'content-type': 'application/json' };
      for (const [path, init] of [
        ['/', {}],
        ['/%', { method: 'POST', headers: json, body: '{}' }],
        ['/', { method: 'POST', headers: json, body: '{"cut":' }],
        ['/', { method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, body: '{}' }],
        ['/', { method: 'POST', headers: json, body: '{"message":{}}' }],
        [
          '/',
          { method: 'POST', headers: { 'content-type': 'application/cloudevents+json' }, body: '{"type":"unknown"}' },
        ],
      ] satisfies [string, RequestInit][]) {
        const response = await fetch(`${courier.url}${path}`, init);
        expect(await response.text()).not.toMatch(/node_modules|\n\s+at |file:\/\/|&nbsp;at/);
      }
    } finally {
      await courier.stop();
      await google.close();
    }
  },
  120_000,
);
