import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { servedFunction } from '../../src/entry/function-bodies.ts';
import { AUDIENCE, startCourierIn } from '../support/courier-in-world.ts';

test.each([
  [['node', 'main.js', '--target=courierEvent'], undefined, 'courierEvent'],
  [['node', 'main.js', '--target', 'courier', '--port=1'], 'courierEvent', 'courier'],
  [['node', 'main.js'], 'courierEvent', 'courierEvent'],
  [['node', 'main.js'], undefined, undefined],
])('the function that %j with FUNCTION_TARGET=%j serves is %j', (argv, target, expected) => {
  expect(servedFunction(argv, target)).toBe(expected);
});

// Without our word to it, functions-framework would read, inflate and parse every body before the function knows the caller.
describe('the function reads its bodies itself', () => {
  const MEBIBYTE = 1024 * 1024;
  let google: LocalGoogle;
  let courier: CourierProcess;
  beforeAll(async () => {
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

  test('so a bomb of a caller that nobody knows stays packed', async () => {
    const bomb = gzipSync(Buffer.alloc(400 * MEBIBYTE));
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

  test('so a document that is no JSON is a problem, and no page with a stack', async () => {
    const { status, type, text } = await post(
      '/v1/exports',
      good(),
      { 'content-type': 'application/json' },
      '{"source":',
    );
    expect([status, type]).toEqual([400, 'application/problem+json']);
    expect(text).not.toMatch(/<html|node_modules|SyntaxError/);
  });
});
