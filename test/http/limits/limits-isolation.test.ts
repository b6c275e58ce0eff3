import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** What callers can find out about the limits, the policy and the accounts of destinations that are not theirs. */

let google: LocalGoogle;
let courier: RunningCourier;
let leave: () => void;
beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
}, 60_000);
afterEach(() => courier?.close());
afterAll(async () => {
  leave?.();
  await google?.close();
});

const start = async (atFinance: object, limits: object = {}): Promise<void> => {
  const { places, world } = google;
  const common = { folder: places.sharedDriveFolder, credentials: 'main' };
  const secret = `${world.secret}/versions/latest`;
  courier = await startCourier(google, {
    document: {
      destinations: {
        reports: { ...common, callers: [world.emails.stranger] },
        finance: { ...common, callers: [world.emails.exporter], ...atFinance },
      },
      credentials: { main: { secret }, second: { secret, subject: world.emails.bob } },
      ...limits,
    },
  });
};

const json = (body: object) => ({
  ...{ method: 'POST', body: JSON.stringify(body) },
  headers: { 'content-type': 'application/json' },
});

/** Every answer to a caller that may not write to `finance`, without what differs between any two answers. */
const answersToStranger = async (): Promise<unknown[]> => {
  const query = 'destination=finance&name=a.txt';
  const upload = { destination: 'finance', name: 'a.txt', mimeType: 'text/plain', size: 3 };
  const requests: [string, Parameters<RunningCourier['ask']>[2]][] = [
    [`/v1/files?${query}`, { method: 'POST', body: 'abc' }],
    [`/v1/files?destination=finance`, { method: 'POST', body: 'abc' }],
    [`/v1/files?${query}&onConflict=replace`, { method: 'POST', body: 'abc', headers: { 'idempotency-key': 'a' } }],
    [`/v1/files?${query}&unpack=zip`, { method: 'POST', body: 'abc' }],
    ['/v1/exports', json({ destination: 'finance', name: 'a.txt', source: { text: 'abc' } })],
    ['/v1/exports', json({ destination: 'finance', source: { text: 'abc' } })],
    ['/v1/uploads', json(upload)],
    ['/v1/uploads/00000000-0000-0000-0000-000000000000/complete', json({})],
    ['/v1/destinations', {}],
    ['/v1/doctor', {}],
  ];
  const answers: unknown[] = [];
  for (const [path, init] of requests) {
    const response = await courier.ask(google.world.emails.stranger, path, init);
    const { date: _, 'x-request-id': __, ...headers } = Object.fromEntries(response.headers);
    const { 'content-length': ___, ...kept } = headers;
    const text = (await response.text()).replaceAll(/"requestId":"\w+"/g, '');
    answers.push({ path, status: response.status, headers: kept, text });
  }
  return answers;
};

const sendToFinance = (name: string): Promise<Response> =>
  courier.ask(google.world.emails.exporter, `/v1/files?destination=finance&name=${name}`, {
    method: 'POST',
    body: 'x',
  });

test('a caller sees no difference whether a destination of others has limits, a policy, several accounts, or is full', async () => {
  await start({});
  const plain = await answersToStranger();
  expect(plain.map((answer) => (answer as { status: number }).status)).toContain(403);
  await courier.close();
  await start({
    ...{ perCaller: { filesPerMinute: 1, bytesPerDay: 10 }, credentials: ['main', 'second'], name: '{date}.txt' },
    ...{ readOnly: true, labels: { label1: { field: 'x' } }, keep: { last: 1 }, maxBytes: 2 },
  });
  expect(await answersToStranger()).toEqual(plain);
  // Nor when the limit of another caller is used up.
  await sendToFinance('one.txt');
  expect((await sendToFinance('two.txt')).status).toBe(429);
  expect(await answersToStranger()).toEqual(plain);
});

test('a request cannot change what the operator has configured', async () => {
  await start({ perCaller: { filesPerMinute: 1 }, credentials: ['main', 'second'] });
  for (const option of [
    'perCaller',
    'credentials',
    'account',
    'keep',
    'readOnly',
    'labels',
    'share',
    'timeZone',
    'limits',
  ]) {
    const query = `destination=finance&name=a.txt&${option}=1`;
    const response = await courier.ask(google.world.emails.exporter, `/v1/files?${query}`, {
      method: 'POST',
      body: 'x',
    });
    expect([option, response.status, ((await response.json()) as { code: string }).code]).toEqual([
      ...[option, 400, 'request-invalid'],
    ]);
  }
});
