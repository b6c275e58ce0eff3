import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { GET, type Handler, startTransport } from '../../support/courier/transport-world.ts';

const rateLimited = (reason: string): string =>
  JSON.stringify({ error: { code: 403, message: 'slower', errors: [{ domain: 'usageLimits', reason, message: '' }] } });

const fail =
  (times: number, status: number, body = '', headers: Record<string, string> = {}): Handler =>
  (_, response, turn) => {
    if (turn <= times) response.writeHead(status, headers).end(body);
    else response.end('{"ok":true}');
  };

describe('the origin', () => {
  test.each([
    ['https://www.googleapis.com/upload/drive/v3/files?a=1', '/www.googleapis.com/upload/drive/v3/files?a=1'],
    ['https://oauth2.googleapis.com/token', '/oauth2.googleapis.com/token'],
    ['https://www.gstatic.com/iap/verify/public_key-jwk', '/www.gstatic.com/iap/verify/public_key-jwk'],
  ])('replaces the host of %s', async (url, path) => {
    const { transport, seen } = await startTransport((_, response) => response.end());
    await transport.send({ ...GET, url });
    expect(seen.map(({ url }) => url)).toEqual([path]);
  });

  test('leaves a session URI from Location unchanged', async () => {
    const { transport, seen, origin } = await startTransport((_, response) => response.end());
    await transport.send({ ...GET, method: 'PUT', url: `${origin}/session/1` });
    expect(seen.map(({ url }) => url)).toEqual(['/session/1']);
  });
});

describe('retries', () => {
  test.each([
    ['408', 408, ''],
    ['429', 429, ''],
    ['500', 500, ''],
    ['502', 502, ''],
    ['503', 503, ''],
    ['504', 504, ''],
    ['403 rateLimitExceeded', 403, rateLimited('rateLimitExceeded')],
    ['403 userRateLimitExceeded', 403, rateLimited('userRateLimitExceeded')],
    ['403 sharingRateLimitExceeded', 403, rateLimited('sharingRateLimitExceeded')],
  ])('%s of an idempotent request is retried, doubling the maximum delay each time', async (_, status, body) => {
    const { transport, seen, waits } = await startTransport(fail(3, status, body));
    const callStats = { calls: 0, retries: 0, units: 0 };
    expect(await transport.send({ ...GET, callStats })).toMatchObject({ status: 200 });
    expect(seen).toHaveLength(4);
    expect(waits).toEqual([250, 500, 1_000]);
    expect(callStats).toEqual({ calls: 4, retries: 3, units: 0 });
  });

  test.each([
    ['400', 400, ''],
    ['401', 401, ''],
    ['404', 404, ''],
    ['409', 409, ''],
    ['501', 501, ''],
    ['403 storageQuotaExceeded', 403, rateLimited('storageQuotaExceeded')],
    ['403 dailyLimitExceeded', 403, rateLimited('dailyLimitExceeded')],
  ])('%s is not retried', async (_, status, body) => {
    const { transport, seen } = await startTransport(fail(3, status, body));
    expect(await transport.send(GET)).toMatchObject({ status });
    expect(seen).toHaveLength(1);
  });

  test('each attempt is reported when it is sent and when it ends', async () => {
    const { transport } = await startTransport((request, response, turn) => {
      if (turn === 1) request.socket.destroy();
      else response.writeHead(turn === 2 ? 503 : 200).end();
    });
    const events: unknown[] = [];
    const onSend = () => {
      events.push('sent');
      return (status: unknown) => void events.push(status);
    };
    await transport.send({ ...GET, onSend });
    expect(events).toEqual(['sent', undefined, 'sent', 503, 'sent', 200]);
  });

  test.each([
    ['a port where nobody listens', 'http://127.0.0.1:1/'],
    ['a host that is not known', 'http://courier.invalid/'],
  ])('an attempt is reported as not sent if there was no connection to %s', async (_, url) => {
    const { transport } = await startTransport(fail(0, 503));
    const ends: unknown[] = [];
    const onSend = () => (status: unknown) => void ends.push(status);
    await expect(transport.send({ ...GET, url, onSend, retry: 'once' })).rejects.toMatchObject({
      code: 'google-unavailable',
    });
    expect(ends).toEqual(['unsent']);
  });

  test('a request that may be sent once is sent once, after any failure', async () => {
    const { transport, seen } = await startTransport(fail(1, 503));
    expect(await transport.send({ ...GET, method: 'POST', retry: 'once' })).toMatchObject({ status: 503 });
    expect(seen).toHaveLength(1);
    const cut = await startTransport((request) => request.socket.destroy());
    await expect(cut.transport.send({ ...GET, method: 'POST', retry: 'once' })).rejects.toMatchObject({
      code: 'google-unavailable',
    });
    expect(cut.seen).toHaveLength(1);
  });

  test('a broken connection is retried with the same body, before and during the response', async () => {
    const { transport, seen } = await startTransport((request, response, turn) => {
      if (turn === 1) request.socket.destroy();
      else if (turn === 2) {
        response.writeHead(200, { 'content-length': 100 }).write('half');
        setTimeout(() => request.socket.destroy(), 5);
      } else response.end('whole');
    });
    const body = [Buffer.from('in '), Buffer.from('two pieces')];
    const response = await transport.send({ ...GET, method: 'PUT', body });
    expect(response.body.toString()).toBe('whole');
    expect(seen.map(({ body }) => body)).toEqual(['in two pieces', 'in two pieces', 'in two pieces']);
  });

  test('Retry-After is honored in seconds and as a date', async () => {
    const seconds = await startTransport(fail(1, 503, '', { 'retry-after': '7' }));
    await seconds.transport.send(GET);
    expect(seconds.waits).toEqual([7_250]);
    const dated = await startTransport(
      fail(1, 429, '', { 'retry-after': new Date(Date.now() + 20_000).toUTCString() }),
    );
    await dated.transport.send(GET);
    expect(dated.waits[0]).toBeGreaterThan(18_000);
    expect(dated.waits[0]).toBeLessThan(21_000);
  });

  test.each([
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ])('a Retry-After that is a date means the same if the clock of the sender is %s', async (_, offMs) => {
    const theirs = (ms: number): string => new Date(1_796_040_000_000 + offMs + ms).toUTCString();
    const { transport, waits } = await startTransport(
      fail(1, 503, '', { 'retry-after': theirs(20_000), date: theirs(0) }),
    );
    await transport.send(GET);
    expect(waits).toEqual([20_250]);
  });

  test('a Retry-After of more than a minute is passed to the caller', async () => {
    const { transport, waits } = await startTransport(fail(9, 503, '', { 'retry-after': '600' }));
    expect(await transport.send(GET)).toMatchObject({ status: 503, headers: { 'retry-after': '600' } });
    expect(waits).toEqual([]);
  });

  test('end after seven attempts with the last response', async () => {
    const { transport, seen } = await startTransport(fail(99, 503));
    expect(await transport.send(GET)).toMatchObject({ status: 503 });
    expect(seen).toHaveLength(7);
  });

  test('end at the deadline', async () => {
    const { transport, seen, now } = await startTransport(fail(99, 503));
    expect(await transport.send({ ...GET, deadlineMs: now() + 800 })).toMatchObject({ status: 503 });
    expect(seen).toHaveLength(3);
    await expect(transport.send({ ...GET, deadlineMs: now() })).rejects.toMatchObject({ code: 'google-unavailable' });
    expect(seen).toHaveLength(3);
  });

  test('have a budget: an outage is hardly amplified, and the budget recovers', async () => {
    let down = true;
    const { transport, seen } = await startTransport((_, response) => response.writeHead(down ? 503 : 200).end());
    for (let turn = 0; turn < 200; turn++) await transport.send(GET);
    expect(seen.length).toBeLessThan(200 + 60);
    down = false;
    for (let turn = 0; turn < 200; turn++) await transport.send(GET);
    const before = seen.length;
    down = true;
    await transport.send(GET);
    expect(seen.length - before).toBe(7);
  });
});

/** The time limit of one attempt: long enough for a busy machine, short enough to wait for twice. */
const PATIENCE_MS = 1_000;

describe('time', () => {
  test('an attempt without a response is abandoned and retried', async () => {
    const { transport, seen } = await startTransport((_, response, turn) => {
      if (turn > 1) response.end('late');
    });
    const response = await transport.send({ ...GET, attemptTimeoutMs: PATIENCE_MS });
    expect(response.body.toString()).toBe('late');
    expect(seen).toHaveLength(2);
  });

  test('an abort ends the attempt with its reason, without a retry', async () => {
    const { transport, seen } = await startTransport(() => undefined);
    const giveUp = new AbortController();
    const work = transport.send({ ...GET, signal: giveUp.signal });
    await delay(20);
    giveUp.abort(new CourierError('shutting-down'));
    await expect(work).rejects.toMatchObject({ code: 'shutting-down' });
    await expect(transport.send({ ...GET, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'google-unavailable',
    });
    expect(seen).toHaveLength(1);
  });
});

test('sockets are reused', async () => {
  const { transport, seen } = await startTransport((_, response) => response.end('x'));
  for (let turn = 0; turn < 5; turn++) await transport.send(GET);
  expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
});

test('a response before the whole request was read closes its connection, so that nothing reads the buffers any more', async () => {
  const { transport, seen } = await startTransport((_, response) => response.writeHead(413).end());
  const body = Buffer.alloc(64 * 1024 * 1024);
  const request = { ...GET, method: 'PUT', headers: { 'x-unread': '1' }, body } as const;
  expect(await transport.send(request)).toMatchObject({ status: 413 });
  const socket = seen[0]?.socket;
  if (socket?.closed === false) await new Promise((resolve) => socket.once('close', resolve));
  expect(socket?.bytesRead).toBeLessThan(body.length);
});

describe('open', () => {
  test('streams the body, after the retries', async () => {
    const { transport, seen } = await startTransport(fail(2, 503));
    const { status, body } = await transport.open(GET);
    expect(status).toBe(200);
    expect((await buffer(body)).toString()).toBe('{"ok":true}');
    expect(seen).toHaveLength(3);
  });

  test('a truncated body fails its reader', async () => {
    const { transport } = await startTransport((request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => request.socket.destroy(), 5);
    });
    const { body } = await transport.open(GET);
    await expect(buffer(body)).rejects.toThrow();
  });

  test('a stalled body fails its reader', async () => {
    const { transport } = await startTransport(
      (_, response) => void response.writeHead(200, { 'content-length': 100 }).write('half'),
    );
    const { body } = await transport.open({ ...GET, attemptTimeoutMs: PATIENCE_MS });
    await expect(buffer(body)).rejects.toThrow(`no answer within ${PATIENCE_MS} ms`);
  });

  test('a slow reader loses nothing', async () => {
    const whole = Buffer.alloc(8 * 1024 * 1024, 7);
    const { transport } = await startTransport((_, response) => response.end(whole));
    const { body } = await transport.open({ ...GET, attemptTimeoutMs: PATIENCE_MS });
    await delay(2.5 * PATIENCE_MS);
    expect((await buffer(body)).equals(whole)).toBe(true);
  });

  test('the body of an error response can still be read', async () => {
    const { transport } = await startTransport(fail(1, 404, 'no such object'));
    const { status, body } = await transport.open(GET);
    expect([status, (await buffer(body)).toString()]).toEqual([404, 'no such object']);
  });
});

describe('fetch', () => {
  test('posts a form as gaxios does, and retries token requests', async () => {
    const { transport, seen } = await startTransport(fail(1, 503));
    const response = await transport.fetch('https://oauth2.googleapis.com/token', {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'x', assertion: 'a b' }),
    });
    expect([response.status, await response.json()]).toEqual([200, { ok: true }]);
    expect(seen.map(({ body }) => body)).toEqual(Array(2).fill('grant_type=x&assertion=a+b'));
  });

  test('sends a POST with other effects once', async () => {
    const { transport, seen } = await startTransport(fail(1, 503));
    const response = await transport.fetch(new URL('https://pubsub.googleapis.com/v1/projects/p/topics/t:publish'), {
      method: 'post',
      body: '{}',
    });
    expect(response.status).toBe(503);
    expect(seen).toHaveLength(1);
  });

  test('requests no compression, and returns no body where there is none', async () => {
    const { transport } = await startTransport((request, response) =>
      response.writeHead(204, { 'x-encoding': request.headers['accept-encoding'] ?? 'none' }).end(),
    );
    const response = await transport.fetch('https://www.googleapis.com/x', { headers: { 'accept-encoding': 'gzip' } });
    expect([response.status, response.body, response.headers.get('x-encoding')]).toEqual([204, null, 'none']);
  });
});
