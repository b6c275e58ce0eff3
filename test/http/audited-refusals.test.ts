import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../support/courier/running-courier.ts';

/** The audit of requests that are refused before a delivery begins. */

interface Line {
  requestId?: string;
  httpRequest?: object;
  audit?: Record<string, unknown>;
}

let google: LocalGoogle;
let courier: RunningCourier;
let leave: () => void;
let laterMs = 0;
beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  courier = await startCourier(google, {
    now: () => Date.now() + laterMs,
    document: { limits: { perCaller: { filesPerMinute: 3 } } },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  leave?.();
  await google?.close();
});
beforeEach(() => {
  laterMs += 60_000;
  courier.lines.length = 0;
});

const SECRET = 'eyJhbGciOiJub25lIn0.secret-token.secret-signature';
const FILES = '/v1/files?destination=reports&name=private-name.txt';
const send = (path: string, authorization: string | undefined, init: RequestInit = {}) =>
  fetch(`${courier.url}${path}`, {
    ...{ method: 'POST', body: 'bytes', ...init },
    headers: { connection: 'close', ...(authorization === undefined ? {} : { authorization }) },
  });
/** The audits of the lines so far; the line of a request is written when its answer has been sent. */
const audits = (): Record<string, unknown>[] =>
  courier.lines.flatMap((line) => {
    const { audit } = JSON.parse(line) as Line;
    return audit === undefined ? [] : [audit];
  });

test('a caller without a valid token is audited with the code, and without its token', async () => {
  await send(FILES, undefined);
  await send(FILES, `Bearer ${SECRET}`);
  expect(audits()).toEqual([
    { refused: 'token-missing', status: 401, route: '/v1/files', caller: null, size: 5 },
    { refused: 'token-invalid', status: 401, route: '/v1/files', caller: null, size: 5 },
  ]);
  const text = courier.lines.join('\n');
  expect([text.includes('secret-token'), text.includes('private-name')]).toEqual([false, false]);
});

test('a known caller is audited by name: for a malformed request, a body too large, too many files', async () => {
  const { exporter } = google.world.emails;
  const post = (path: string, body: string, type = 'text/plain') =>
    courier.ask(exporter, path, { method: 'POST', body, headers: { 'content-type': type } });
  await post('/v1/files?destination=reports&name=a%2Fb', 'x');
  await post('/v1/uploads', JSON.stringify('x'.repeat(70_000)), 'application/json');
  const refusals = audits();
  expect(refusals.map(({ refused, caller, size }) => [refused, caller, size])).toEqual([
    ['name-invalid', exporter, 1],
    ['too-large', exporter, 70_002],
  ]);
  expect(refusals.every(({ callerSub, outcome }) => typeof callerSub === 'string' && outcome === undefined)).toBe(true);
  courier.lines.length = 0;
  for (let turn = 0; turn < 4; turn++) await post(FILES, 'x');
  const after = audits();
  expect(after.filter(({ outcome }) => outcome === 'created')).toHaveLength(3);
  expect(after.filter(({ refused }) => refused === 'caller-over-quota')).toMatchObject([
    { status: 429, caller: exporter },
  ]);
});

test('a delivery that fails has one audit, and requests that deliver nothing have none', async () => {
  const { stranger } = google.world.emails;
  await courier.ask(stranger, FILES, { method: 'POST', body: 'x' });
  expect(audits()).toMatchObject([{ outcome: 'failed', code: 'destination-forbidden', caller: stranger }]);
  courier.lines.length = 0;
  await send('/v1/destinations', undefined, { method: 'GET', body: null });
  expect(audits()).toEqual([]);
});

test('there are at most sixty such audits a minute, a line has the number of missing ones, and known callers have their own', async () => {
  for (let turn = 0; turn < 65; turn++) await send(FILES, `Bearer ${SECRET}`);
  expect([audits().length, courier.lines.filter((line) => line.includes('"httpRequest"')).length]).toEqual([60, 65]);
  await courier.ask(google.world.emails.exporter, '/v1/files?destination=reports&name=', { method: 'POST', body: 'x' });
  expect(audits()).toHaveLength(61);
  laterMs += 60_000;
  courier.lines.length = 0;
  await send(FILES, undefined);
  expect(audits()).toMatchObject([{ refused: 'token-missing', omitted: 5 }]);
}, 20_000);
