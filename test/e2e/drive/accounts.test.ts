import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { DRIVE_SCOPE } from '../../../src/config/schema/credential.ts';
import { type RunningCourier, startCourier } from '../../support/courier/running-courier.ts';

/** A destination with several accounts, of which each owns the files that it creates in a person's My Drive. */

let google: LocalGoogle;
let courier: RunningCourier;
let folder: string;
const document = (credentials: unknown) => {
  const { emails, secret } = google.world;
  const delegated = (subject: string) => ({ secret: `${secret}/versions/latest`, subject });
  return {
    destinations: {
      reports: { folder, credentials, callers: [emails.exporter] },
      locked: { folder, credentials, callers: [emails.exporter], readOnly: true, writersCanShare: false },
      single: { folder, credentials: 'alice', callers: [emails.exporter] },
    },
    credentials: { alice: delegated(emails.alice), bob: delegated(emails.bob) },
  };
};
let laterMs = 0;
const restart = async (credentials: unknown = ['alice', 'bob']): Promise<void> => {
  await courier?.close();
  laterMs = 0;
  courier = await startCourier(google, {
    onCloudRun: true,
    document: document(credentials),
    now: () => Date.now() + laterMs,
  });
};
/** An account whose storage was full is tried again after five minutes. */
const later = (): void => {
  laterMs += 301_000;
};

beforeAll(async () => {
  google = await startLocalGoogle();
  const { alice, bob, courier: writer } = google.world.emails;
  google.world.delegate(writer, [DRIVE_SCOPE]);
  folder = google.drive.createFolder({ name: 'shared', owner: alice });
  google.drive.share(folder, { email: bob, role: 'writer' });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  await google?.close();
});
beforeEach(async () => {
  setFull();
  await restart();
}, 20_000);

/** Drive refuses new bytes of these people: their storage is full. */
const setFull = (...full: ('alice' | 'bob')[]): void => {
  const { emails } = google.world;
  for (const name of ['alice', 'bob'] as const) {
    google.drive.setStorageLimit(emails[name], full.includes(name) ? 0 : undefined);
  }
};

type Body = string | ReadableStream;

interface Answer {
  status: number;
  retryAfter: string | null;
  json: Record<string, unknown> & { id: string };
}

const post = async (path: string, body: Body, headers: Record<string, string> = {}): Promise<Answer> => {
  const response = await courier.ask(google.world.emails.exporter, path, {
    ...{ method: 'POST', body, headers },
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  } as RequestInit & { headers: Record<string, string> });
  const json = (await response.json()) as Answer['json'];
  return { status: response.status, retryAfter: response.headers.get('retry-after'), json };
};
const send = (name: string, key?: string, { destination = 'reports', query = '', body = 'x' as Body } = {}) =>
  post(
    `/v1/files?destination=${destination}&name=${name}${query}`,
    body,
    key === undefined ? {} : { 'idempotency-key': key },
  );

const stored = (id: string) => google.drive.state.store.files.get(id);
const ownerOf = (id: string) => stored(id)?.permissions.find(({ role }) => role === 'owner')?.emailAddress;
const named = (name: string) => google.drive.files().filter((file) => file.name === name && !file.trashed);
const { alice, bob } = { alice: 'alice@example.com', bob: 'bob@example.com' };

test('the first account is used until Drive refuses it, and then the next one', async () => {
  const first = await send('one.txt');
  expect([first.status, first.json.account, ownerOf(first.json.id)]).toEqual([201, alice, alice]);
  setFull('alice');
  const second = await send('two.txt', 'two');
  expect([second.status, second.json.account, ownerOf(second.json.id)]).toEqual([201, bob, bob]);
  google.calls.clear();
  const third = await send('three.txt');
  expect([third.status, third.json.account]).toEqual([201, bob]);
  // The full account is not tried again.
  expect(google.calls.list({ path: '/upload/drive/v3/files' })).toHaveLength(1);
  const lines = courier.lines.map((line) => JSON.parse(line) as { audit?: { account?: string; outcome: string } });
  expect(lines.flatMap(({ audit }) => audit?.account ?? [])).toEqual([alice, bob, bob]);
});

test('a file of unknown size that is sent through a session is handed over as well', async () => {
  setFull('alice');
  const pieces = Array.from({ length: 9 }, () => new Uint8Array(1_000_000));
  const body = new ReadableStream({
    pull: (controller) => {
      const piece = pieces.pop();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  const { status, json } = await send('large.bin', 'large', { body });
  expect([status, json.account, json.size]).toEqual([201, bob, 9_000_000]);
  expect(named('large.bin')).toHaveLength(1);
});

test('the account stays with the key after the first account is free again', async () => {
  setFull('alice');
  const first = await send('kept.txt', 'kept');
  setFull();
  later();
  const replayed = await send('kept.txt', 'kept');
  expect(replayed.json).toEqual({ ...first.json, outcome: 'replayed' });
  expect((await send('other.txt')).json.account).toBe(alice);
});

test('both accounts full: the code of Drive and when to retry, and nothing is stored', async () => {
  setFull('alice', 'bob');
  const refused = await send('none.txt', 'none');
  expect([refused.status, refused.json.code]).toEqual([502, 'drive-full']);
  google.calls.clear();
  const again = await send('none.txt');
  expect([again.status, again.json.code, Number(again.retryAfter) > 0]).toEqual([502, 'drive-full', true]);
  expect([google.calls.list({ path: '/upload/drive/v3/files' }).length, named('none.txt').length]).toEqual([0, 0]);
  const body = JSON.stringify({ destination: 'reports', name: 'none.bin', mimeType: 'text/plain', size: 5 });
  const first = await post('/v1/uploads', body, { 'content-type': 'application/json' });
  const second = await post('/v1/uploads', body, { 'content-type': 'application/json' });
  expect([first.json.code, second.json.code]).toEqual(['drive-full', 'drive-full']);
  expect(Number(second.retryAfter)).toBeLessThanOrEqual(Number(first.retryAfter));
  setFull();
  later();
  // The account of the key was the last one that was tried.
  expect((await send('none.txt', 'none')).json).toMatchObject({ account: bob, outcome: 'created' });
});

test('an upload session, and its completion, belong to the account that has opened it', async () => {
  setFull('alice');
  const body = JSON.stringify({ destination: 'reports', name: 'session.bin', mimeType: 'text/plain', size: 5 });
  const headers = { 'content-type': 'application/json', 'idempotency-key': 'session' };
  const opened = await post('/v1/uploads', body, headers);
  expect(opened.status).toBe(201);
  expect((await fetch(String(opened.json.uploadUrl), { method: 'PUT', body: 'bytes' })).status).toBe(200);
  setFull();
  later();
  expect((await post('/v1/uploads', body, headers)).json.id).toBe(opened.json.id);
  const done = await post(`/v1/uploads/${opened.json.id}/complete`, '{}', { 'content-type': 'application/json' });
  expect([done.status, done.json.account, ownerOf(done.json.id)]).toEqual([201, bob, bob]);
});

test('a file of another account is replaced, also one that is read-only', async () => {
  const first = await send('shared.txt', undefined, { destination: 'locked' });
  expect(first.json.account).toBe(alice);
  await restart(['bob', 'alice']);
  const query = '&onConflict=replace';
  const second = await send('shared.txt', undefined, { destination: 'locked', query, body: 'second' });
  expect(second.json).toMatchObject({ id: first.json.id, outcome: 'replaced' });
  expect(stored(first.json.id)).toMatchObject({ contentRestriction: expect.anything(), writersCanShare: false });
  expect([second.json.account, ownerOf(first.json.id)]).toEqual([bob, alice]);
});

test('one account as a list is one account, and its receipts do not name it', async () => {
  await restart(['bob']);
  const { status, json } = await send('only.txt');
  expect([status, json.account, ownerOf(json.id)]).toEqual([201, undefined, bob]);
});

test('the doctor checks each account', async () => {
  google.drive.unshare(folder, bob);
  const report = async (path: string) => {
    const response = await courier.ask(google.world.emails.ops, path);
    return (await response.json()) as {
      ok: boolean;
      destinations: Record<string, { checks: { check: string; result: string; detail: string }[] }>;
    };
  };
  const { destinations } = await report('/v1/doctor');
  const check = destinations.reports?.checks.find(({ check }) => check === 'folder');
  expect([check?.result, check?.detail.includes('"bob"'), check?.detail.includes('"alice"')]).toEqual([
    'failed',
    true,
    false,
  ]);
  expect(destinations.single?.checks.find(({ check }) => check === 'folder')?.result).toBe('passed');
  // Deliveries still begin with the first account.
  expect((await report('/v1/ready')).ok).toBe(true);
  google.drive.share(folder, { email: bob, role: 'writer' });
  expect((await report('/v1/doctor')).destinations.reports?.checks.every(({ result }) => result !== 'failed')).toBe(
    true,
  );
});
