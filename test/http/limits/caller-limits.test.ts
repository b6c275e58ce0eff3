import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { zipOf } from '../../support/archives.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

let google: LocalGoogle;
let leave: () => void;
let courier: RunningCourier;
let [ann, ben] = ['', ''];

beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  [ann, ben] = [google.world.emails.exporter, google.world.emails.stranger];
}, 60_000);
afterEach(() => courier?.close());
afterAll(async () => {
  leave?.();
  await google?.close();
});

const start = async (perCaller: object | undefined, atReports?: object, now = Date.now): Promise<void> => {
  const folder = google.places.sharedDriveFolder;
  const reports = { folder, credentials: 'main', callers: [ann, ben], perCaller: atReports };
  courier = await startCourier(google, {
    now,
    document: {
      destinations: { reports, secret: { folder, credentials: 'main', callers: [ben], perCaller: { concurrent: 7 } } },
      limits: { perCaller },
    },
  });
};

const read = async (response: Response) => {
  const text = await response.text();
  const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  const [policy, left, retryAfter] = ['ratelimit-policy', 'ratelimit', 'retry-after'].map((name) =>
    response.headers.get(name),
  );
  return { status: response.status, code: json.code, json, policy, left, retryAfter };
};
let names = 0;
const send = async (email: string, body = 'bytes', query: Record<string, string> = {}) => {
  const options = new URLSearchParams({ destination: 'reports', name: `limited-${names++}.txt`, ...query });
  return read(await courier.ask(email, `/v1/files?${options}`, { method: 'POST', body }));
};
const sendJson = async (email: string, path: string, body: object) =>
  read(
    await courier.ask(email, path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
const push = (id: string) => {
  const message = { data: Buffer.from('x').toString('base64'), attributes: { name: `${id}.txt` }, messageId: id };
  return sendJson(google.world.emails.pubsubPush, '/v1/pubsub', { message, subscription: courier.subscription });
};

test('each way of sending a file counts, and what is left is shown on success and on refusal', async () => {
  await start({ filesPerMinute: 4, bytesPerDay: 1_000 });
  const first = await send(ann);
  expect(first).toMatchObject({
    status: 201,
    policy: '"files-per-minute";q=4;w=60, "bytes-per-day";q=1000;qu="content-bytes";w=86400',
    left: expect.stringMatching(/^"files-per-minute";r=3, "bytes-per-day";r=995;t=\d+$/),
  });
  const exported = { destination: 'reports', name: 'export.txt', source: { text: 'bytes' } };
  expect((await sendJson(ann, '/v1/exports', exported)).status).toBe(201);
  const session = { destination: 'reports', name: 'session.bin', mimeType: 'text/plain', size: 5 };
  const opened = await sendJson(ann, '/v1/uploads', session);
  expect([opened.status, Object.keys(opened.json)]).toEqual([
    201,
    ['id', 'uploadUrl', 'expiresTime', 'chunkGranularity'],
  ]);
  await fetch(String(opened.json.uploadUrl), { method: 'PUT', body: 'bytes' });
  const form = new FormData();
  form.set('destination', 'reports');
  form.set('file', new Blob(['bytes']), 'form.txt');
  const inForm = await read(await courier.ask(ann, '/v1/files', { method: 'POST', body: form }));
  expect([inForm.status, inForm.left]).toEqual([
    201,
    expect.stringMatching(/^"files-per-minute";r=0;t=\d+, "bytes-per-day";r=980;t=\d+$/),
  ]);

  for (const refused of [
    await send(ann),
    await sendJson(ann, '/v1/exports', exported),
    await sendJson(ann, '/v1/uploads', session),
  ]) {
    expect(refused).toMatchObject({ status: 429, code: 'caller-over-quota', policy: first.policy });
    expect(refused.left).toMatch(/^"files-per-minute";r=0;t=\d+, /);
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    expect(Number(refused.retryAfter)).toBeLessThanOrEqual(60);
  }
  // An upload that is open may be completed.
  expect((await sendJson(ann, `/v1/uploads/${opened.json.id}/complete`, {})).status).toBe(201);
});

test('a caller learns nothing of another caller’s use, nor of destinations that it may not write to', async () => {
  await start({ bytesPerDay: 20 }, { filesPerMinute: 50 });
  expect((await send(ann, 'x'.repeat(20))).status).toBe(201);
  expect(await send(ann)).toMatchObject({ status: 429, code: 'caller-over-quota' });
  const other = await send(ben);
  expect([other.status, other.left]).toEqual([
    201,
    expect.stringMatching(/^"bytes-per-day";r=15;t=\d+, "reports\/files-per-minute";r=49$/),
  ]);
  await courier.close();
  // A clock that stands, because both answers tell the seconds until the end of the day.
  const nowMs = Date.now();
  await start({ bytesPerDay: 20 }, undefined, () => nowMs);
  const hidden = await send(ann, 'bytes', { destination: 'secret' });
  const unknown = await send(ann, 'bytes', { destination: 'unknown' });
  expect([hidden.status, hidden.policy, hidden.left]).toEqual([403, unknown.policy, unknown.left]);
});

test('a retry with the same key is not counted twice in bytes', async () => {
  await start({ bytesPerDay: 12 });
  const options = `/v1/files?destination=reports&name=keyed-${names++}.txt`;
  const sendKeyed = async () =>
    read(await courier.ask(ann, options, { method: 'POST', headers: { 'idempotency-key': 'limited' }, body: 'bytes' }));
  expect((await sendKeyed()).json.outcome).toBe('created');
  expect((await sendKeyed()).json.outcome).toBe('replayed');
  expect((await sendKeyed()).left).toMatch(/^"bytes-per-day";r=7;/);
});

test('a push above the limit of its account is answered 503, so that it is redelivered', async () => {
  await start({ filesPerMinute: 1 });
  expect((await push('limited-1')).status).toBe(204);
  const refused = await push('limited-2');
  expect([refused.status, refused.code]).toEqual([503, 'caller-over-quota']);
  expect(Number(refused.retryAfter)).toBeGreaterThan(0);
  expect((await send(ann)).status).toBe(201);
});

test('a push above the limit at its destination is answered 503 as well', async () => {
  await start(undefined, { bytesPerDay: 1 });
  expect((await push('small-1')).status).toBe(204);
  const refused = await push('small-2');
  expect([refused.status, refused.code]).toEqual([503, 'caller-over-quota']);
});

describe('without limits', () => {
  test('no field is sent', async () => {
    await start(undefined);
    const sent = await send(ann);
    expect([sent.status, sent.policy, sent.left]).toEqual([201, null, null]);
  });
});

describe('an entry of an archive that waits for a limit', () => {
  const archive = zipOf(['a', 'b', 'c'].map((name) => ({ name: `${name}.txt`, bytes: name })));
  const unpack = (signal?: AbortSignal) =>
    courier.ask(ann, '/v1/files?destination=reports&unpack=zip', {
      method: 'POST',
      headers: { 'content-type': 'application/zip' },
      body: archive as NonNullable<RequestInit['body']>,
      ...(signal === undefined ? {} : { signal }),
    });
  const outcomes = (): string[] => courier.lines.flatMap((line) => /"audit":\{"outcome":"(\w+)"/.exec(line)?.[1] ?? []);

  test('is audited when it is delivered, and not as failed before', async () => {
    await start(undefined, { concurrent: 1 });
    const lines = (await (await unpack()).text()).trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ summary: { delivered: 3, failed: 0 } });
    expect(outcomes()).toEqual(['created', 'created', 'created']);
  });

  test('is audited once if the caller disconnects meanwhile', async () => {
    await start(undefined, { filesPerMinute: 1 });
    const controller = new AbortController();
    const response = await unpack(controller.signal);
    await response.body?.getReader().read();
    expect(outcomes()).toEqual(['created']);
    controller.abort();
    for (let turn = 0; turn < 200 && outcomes().length < 3; turn++) await new Promise((done) => setTimeout(done, 25));
    expect(outcomes()).toEqual(['created', 'failed', 'failed']);
  });
});
