import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { FaultPlanInput, FaultRule } from '../../../local/google/faults/plan.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { ask, bearer, jsonBody } from './redirect.ts';

const STORAGE = 'https://www.googleapis.com/auth/devstorage.read_write';
const CERTS = 'www.googleapis.com/oauth2/v3/certs';

let google: LocalGoogle;
let token: string;
beforeAll(async () => {
  google = await startLocalGoogle();
  const { courier } = google.world.emails;
  await google.storage.createBucket('faulty', { readers: [courier], writers: [courier] });
  token = google.world.accessToken(courier, [STORAGE]);
});
afterEach(() => google.faults.clear());
afterAll(() => google.close());

const certs = () => ask(`${google.origin}/${CERTS}`);
const object = (name: string) => `${google.origin}/storage.googleapis.com/storage/v1/b/faulty/o/${name}`;
const upload = (name: string, body: Buffer) =>
  ask(`${google.origin}/storage.googleapis.com/upload/storage/v1/b/faulty/o?uploadType=media&name=${name}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: bearer(token),
  });
const download = async (name: string) =>
  Buffer.from(await (await fetch(`${object(name)}?alt=media`, { headers: bearer(token) })).arrayBuffer());
const exists = async (name: string) => (await ask(object(name), { headers: bearer(token) })).status === 200;

describe('which requests', () => {
  const statuses = async (count: number) => {
    const seen: number[] = [];
    for (let index = 0; index < count; index += 1) seen.push((await certs()).status);
    return seen;
  };
  const fault = { kind: 'status', status: 503 } as const;

  test.each<[string, Omit<FaultRule, 'fault'>, number[]]>([
    ['the second', { nth: 2 }, [200, 503, 200, 200]],
    ['the first and the third', { nth: [1, 3] }, [503, 200, 503, 200]],
    ['each, three times at most', { times: 3 }, [503, 503, 503, 200]],
    [
      'by host, method and path pattern',
      { host: 'www.googleapis.com', method: 'GET', path: '/oauth2/*/certs' },
      [503, 503, 503, 503],
    ],
    ['another path', { path: '/oauth2' }, [200, 200, 200, 200]],
    ['a dot that is a dot', { host: 'wwwXgoogleapis.com' }, [200, 200, 200, 200]],
    ['another query', { query: { alt: 'json' } }, [200, 200, 200, 200]],
    ['never', { probability: 0 }, [200, 200, 200, 200]],
  ])('%s', async (_, which, expected) => {
    google.faults.add({ ...which, fault });
    expect(await statuses(4)).toEqual(expected);
  });

  test('a probability gives the same draws for the same seed, and others for another seed', async () => {
    const run = async (seed: number) => {
      google.faults.clear();
      google.faults.add({ seed, rules: [{ probability: 0.5, fault }] });
      return statuses(40);
    };
    const first = await run(7);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set([200, 503]));
  });

  test('a plan comes over HTTP, is listed with its counts, and is cleared', async () => {
    const plan: FaultPlanInput = {
      rules: [
        { id: 'busy', path: '/oauth2/v3/certs', nth: 1, fault: { kind: 'status', status: 429, retryAfterSeconds: 3 } },
      ],
    };
    expect((await ask(`${google.origin}/_faults`, jsonBody(plan))).status).toBe(200);
    const failed = await certs();
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([429, '3']);
    await certs();
    expect((await ask(`${google.origin}/_faults`)).body.rules).toMatchObject([{ id: 'busy', seen: 2, fired: 1 }]);
    await ask(`${google.origin}/_faults`, { method: 'DELETE' });
    expect((await ask(`${google.origin}/_faults`)).body.rules).toEqual([]);
  });

  test.each([
    [{ fault: { kind: 'status' } }],
    [{ fault: { kind: 'earthquake' } }],
    [{ paht: '/x', fault: { kind: 'delay', ms: 1 } }],
    [{ probability: 2, fault: { kind: 'delay', ms: 1 } }],
    [{ rules: [], seeds: 1 }],
    ['nonsense'],
  ])('refuses %j', async (plan) => {
    expect((await ask(`${google.origin}/_faults`, jsonBody(plan))).status).toBe(400);
    expect(google.faults.list()).toEqual([]);
  });
});

describe('what goes wrong', () => {
  const bytes = Buffer.alloc(300_000, 'drive');

  test('a status has the error format of the requested API', async () => {
    google.faults.add({
      fault: { kind: 'status', status: 403, reason: 'userRateLimitExceeded', message: 'Slow down.' },
    });
    expect((await certs()).body).toEqual({
      error: {
        code: 403,
        message: 'Slow down.',
        status: 'PERMISSION_DENIED',
        errors: [{ domain: 'usageLimits', reason: 'userRateLimitExceeded', message: 'Slow down.' }],
      },
    });
    const answer = await ask(`${google.origin}/oauth2.googleapis.com/token`, { method: 'POST' });
    expect(answer.body).toEqual({ error: 'userRateLimitExceeded', error_description: 'Slow down.' });
  });

  test('a delay', async () => {
    google.faults.add({ fault: { kind: 'delay', ms: 120 } });
    const startedMs = performance.now();
    expect((await certs()).status).toBe(200);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(115);
  });

  test.each(['before', 'during', 'after'] as const)(
    'a connection reset %s the body: nothing is stored',
    async (when) => {
      google.faults.add({ method: 'POST', fault: { kind: 'reset', when, afterBytes: 100_000 } });
      await expect(upload(`reset-${when}`, bytes)).rejects.toThrow('fetch failed');
      expect(await exists(`reset-${when}`)).toBe(false);
      const [call] = google.calls.list({ method: 'POST' }).slice(-1);
      expect(call?.status).toBe(0);
      if (when === 'after') expect(call?.requestBytes).toBe(bytes.length);
    },
  );

  test('a connection reset at the first byte of the body', async () => {
    google.faults.add({ method: 'POST', fault: { kind: 'reset', when: 'during' } });
    await expect(upload('reset-first', bytes)).rejects.toThrow('fetch failed');
    expect(await exists('reset-first')).toBe(false);
  });

  test('an answer that is lost after the request was carried out', async () => {
    google.faults.add({ method: 'POST', fault: { kind: 'answer-lost' } });
    await expect(upload('lost', bytes)).rejects.toThrow('fetch failed');
    expect(await download('lost')).toEqual(bytes);
  });

  test('an answer cut in its middle', async () => {
    await upload('cut', bytes);
    google.faults.add({ method: 'GET', fault: { kind: 'answer-cut', afterBytes: 1000 } });
    await expect(download('cut')).rejects.toThrow('terminated');
  });

  test('a corrupted stored byte', async () => {
    google.faults.add({ method: 'POST', fault: { kind: 'corrupt', offset: 5 } });
    await upload('corrupt', bytes);
    const stored = await download('corrupt');
    expect(stored.length).toBe(bytes.length);
    expect([...stored.entries()].filter(([at, byte]) => byte !== bytes[at])).toEqual([[5, 'd'.charCodeAt(0) ^ 1]]);
  });

  test('bandwidth, in both directions', async () => {
    google.faults.add({ fault: { kind: 'throttle', bytesPerSecond: 1_000_000 } });
    const startedMs = performance.now();
    await upload('slow', bytes);
    const uploadedMs = performance.now();
    expect(uploadedMs - startedMs).toBeGreaterThan(290);
    expect(await download('slow')).toEqual(bytes);
    expect(performance.now() - uploadedMs).toBeGreaterThan(290);
  });

  test('a slow body that the service does not read leaves the connection usable', async () => {
    google.faults.add({ method: 'POST', fault: { kind: 'throttle', bytesPerSecond: 100_000 } });
    const body = 'a'.repeat(2_000_000);
    const head =
      'POST /storage.googleapis.com/upload/storage/v1/b/faulty/o?uploadType=media&name=x HTTP/1.1\r\nHost: x\r\n';
    const socket = connect(Number(new URL(google.origin).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    socket.write(`GET /${CERTS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await once(socket, 'close');
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200']);
  }, 5_000);

  test('the calls name the rules that made them fail', async () => {
    google.faults.add({ id: 'named', fault: { kind: 'status', status: 500 } });
    await certs();
    expect(google.calls.list().at(-1)).toMatchObject({ host: 'www.googleapis.com', status: 500, faults: ['named'] });
  });
});
