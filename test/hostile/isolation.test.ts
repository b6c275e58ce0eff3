import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../local/google/server.ts';
import { openSocket } from '../support/http/raw-socket.ts';
import { enterCloudRun, type RunningCourier, startCourier } from '../support/courier/running-courier.ts';

let google: LocalGoogle;
let courier: RunningCourier;
/** Each has its own destination, and both may write to `both`. */
let [sales, finance, pusher] = ['', '', ''];

let leave: () => void;

beforeAll(async () => {
  google = await startLocalGoogle();
  leave = enterCloudRun(google);
  const { emails } = google.world;
  [sales, finance, pusher] = [emails.exporter, emails.stranger, emails.pubsubPush];
  const { sharedDriveFolder } = google.places;
  courier = await startCourier(google, {
    document: {
      destinations: {
        sales: {
          folder: sharedDriveFolder,
          credentials: 'main',
          callers: [sales],
          path: 'sales',
          // Objects that are not listed are not looked up; these names are hostile enough.
          sources: ['gs://evil.example/', 'gs://abc/', 'gs://127.0.0.1/', 'gs://xyz/'],
        },
        finance: { folder: sharedDriveFolder, credentials: 'main', callers: [finance], path: 'finance' },
        both: { folder: sharedDriveFolder, credentials: 'main', callers: [sales, finance] },
      },
      pubsub: {
        subscriptions: {
          'projects/local-project/subscriptions/exports': { serviceAccount: pusher, destinations: ['sales'] },
        },
      },
    },
  });
}, 60_000);
afterAll(async () => {
  await courier?.close();
  leave?.();
  await google?.close();
});
beforeEach(() => google.calls.clear());

interface Answer {
  status: number;
  text: string;
  json: Record<string, unknown>;
}
const ask = async (email: string, path: string, init: Parameters<RunningCourier['ask']>[2] = {}): Promise<Answer> => {
  const response = await courier.ask(email, path, init);
  const text = await response.text();
  return { status: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : {} };
};
const send = (email: string, query: Record<string, string>, body = 'bytes', headers = {}): Promise<Answer> =>
  ask(email, `/v1/files?${new URLSearchParams(query)}`, { method: 'POST', headers, body });
const sendJson = (email: string, path: string, body: object, headers = {}): Promise<Answer> =>
  ask(email, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
/** The response without the parts that always differ. */
const bare = ({ json: { requestId: _, ...rest } }: Answer): object => rest;
const driveCalls = () => google.calls.list({ host: 'www.googleapis.com' });

describe('a caller with one destination', () => {
  test('can write to its own', async () => {
    const { status, json } = await send(sales, { destination: 'sales', name: 'own.txt' });
    expect([status, json.path]).toEqual([201, 'sales']);
  });

  const document = { name: 'a.txt', source: { text: 'x' } };
  const upload = { name: 'a.bin', mimeType: 'text/plain', size: 3 };
  test.each<[string, (destination: string) => Promise<Answer>]>([
    ['a file', (destination) => send(sales, { destination, name: 'a.txt' })],
    ['an export', (destination) => sendJson(sales, '/v1/exports', { ...document, destination })],
    ['an upload session', (destination) => sendJson(sales, '/v1/uploads', { ...upload, destination })],
  ])('cannot send %s to another’s, nor distinguish it from a missing one', async (_, deliver) => {
    const others = [];
    for (const destination of ['finance', 'nowhere', '__proto__', 'constructor', 'Sales', 'sales ', 'finance\0']) {
      const answers = await deliver(destination);
      expect([destination, answers.status, answers.json.code]).toEqual([destination, 403, 'destination-forbidden']);
      others.push(bare(answers));
    }
    expect(new Set(others.map((other) => JSON.stringify(other))).size).toBe(1);
    expect(driveCalls()).toEqual([]);
  });

  test('sees only its own destinations, without folder and account', async () => {
    const { json, text } = await ask(sales, '/v1/destinations');
    expect((json.destinations as { name: string }[]).map(({ name }) => name)).toEqual(['sales', 'both']);
    for (const secret of [...Object.values(google.places), 'finance', google.world.emails.courier, 'main']) {
      expect(text).not.toContain(secret);
    }
    expect((await ask(pusher, '/v1/destinations')).json.destinations).toEqual([]);
  });

  test('cannot leave its folder with a path or a name', async () => {
    for (const path of [
      '..',
      '../finance',
      'sales/../../finance',
      '..\\finance',
      '/../finance',
      `${google.places.sharedDrive}/..`,
    ]) {
      expect((await send(sales, { destination: 'sales', name: 'a.txt', path })).json.code).toBe('path-invalid');
    }
    for (const name of ['../finance/a.txt', '..', 'finance\\a.txt']) {
      expect((await send(sales, { destination: 'sales', name })).json.code).toBe('name-invalid');
    }
    expect(driveCalls()).toEqual([]);
  });

  test('gets a folder below its own destination for a path that begins with a slash', async () => {
    const { status, json } = await send(sales, { destination: 'sales', name: 'a.txt', path: '/finance' });
    expect(status).toBe(201);
    expect(json).toMatchObject({ destination: 'sales', path: 'finance' });
    expect(Object.values(google.places)).not.toContain(json.folderId);
  });

  test('cannot find other files with a name that contains a query', async () => {
    const secret = await send(finance, { destination: 'finance', name: 'budget.txt' }, 'finance only');
    expect(secret.status).toBe(201);
    for (const name of ["x' or name = 'budget.txt", "budget.txt' and '1' = '1"]) {
      for (const onConflict of ['replace', 'skip', 'fail']) {
        const answers = await send(sales, { destination: 'sales', name, onConflict }, 'taken over');
        expect(answers.json.id).not.toBe(secret.json.id);
      }
    }
    const kept = google.drive.files().find(({ id }) => id === secret.json.id);
    expect(kept?.sha256).toBe(secret.json.sha256);
  });

  test('cannot run the doctor, which is for operators', async () => {
    const { status, json, text } = await ask(sales, '/v1/doctor');
    expect([status, json.code]).toEqual([403, 'caller-not-allowed']);
    expect(text).not.toContain('finance');
  });

  test('cannot push, and a push account cannot call', async () => {
    const data = Buffer.from(JSON.stringify(document)).toString('base64');
    const push = { message: { messageId: '1', data }, subscription: courier.subscription };
    expect((await sendJson(sales, '/v1/pubsub', push)).json.code).toBe('caller-not-allowed');
    expect((await send(pusher, { destination: 'sales', name: 'a.txt' })).json.code).toBe('destination-forbidden');
    expect((await sendJson(pusher, '/v1/pubsub', push)).status).toBe(204);
    // It may write only to its subscription's destinations, and may not deliver messages of another subscription.
    const elsewhere = { ...document, destination: 'finance' };
    const before = google.drive.files().length;
    const wrong = Buffer.from(JSON.stringify(elsewhere)).toString('base64');
    await sendJson(pusher, '/v1/pubsub', { ...push, message: { messageId: '2', data: wrong } });
    await sendJson(pusher, '/v1/pubsub', { ...push, subscription: 'projects/local-project/subscriptions/other' });
    expect(google.drive.files().length).toBe(before);
  });
});

describe('another caller’s key', () => {
  test('is a different key: it returns neither file nor receipt', async () => {
    const key = { 'idempotency-key': 'nightly-2026-11-24' };
    const query = (destination: string) => ({ destination, name: 'nightly.txt' });
    const first = await send(sales, query('sales'), 'of sales', key);
    const second = await send(finance, query('finance'), 'of sales', key);
    expect([first.json.outcome, second.json.outcome]).toEqual(['created', 'created']);
    expect(second.json.id).not.toBe(first.json.id);
    expect(second.text).not.toContain(String(first.json.id));
    expect((await send(sales, query('sales'), 'of sales', key)).json).toMatchObject({
      id: first.json.id,
      outcome: 'replayed',
    });
    // The error must not mention "reused" for a key that the caller itself never used.
    expect((await send(finance, query('finance'), 'of sales', key)).json.outcome).toBe('replayed');
  });

  test('does not open another caller’s session', async () => {
    const key = { 'idempotency-key': 'session-1' };
    const body = (destination: string) => ({ destination, name: 's.bin', mimeType: 'text/plain', size: 3 });
    const first = await sendJson(sales, '/v1/uploads', body('sales'), key);
    const second = await sendJson(finance, '/v1/uploads', body('finance'), key);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.json.uploadUrl).not.toBe(first.json.uploadUrl);
    expect(second.json.id).not.toBe(first.json.id);
  });
});

describe('an upload session', () => {
  const open = async () => {
    const { json } = await sendJson(sales, '/v1/uploads', {
      ...{ destination: 'sales', name: `u-${Math.random()}.bin`, mimeType: 'text/plain', size: 5 },
    });
    return { id: String(json.id), uploadUrl: String(json.uploadUrl) };
  };

  test('can be completed only by its caller; for others it does not exist', async () => {
    const { id, uploadUrl } = await open();
    const unknown = await sendJson(finance, '/v1/uploads/0b9d1ce6-7b57-4a38-8b3f-000000000000/complete', {});
    const early = await sendJson(finance, `/v1/uploads/${id}/complete`, {});
    expect([unknown.status, bare(early)]).toEqual([404, bare(unknown)]);
    await fetch(uploadUrl, { method: 'PUT', body: 'bytes' });
    expect(bare(await sendJson(finance, `/v1/uploads/${id}/complete`, {}))).toEqual(bare(unknown));
    const done = await sendJson(sales, `/v1/uploads/${id}/complete`, {});
    expect([done.status, done.json.caller]).toEqual([201, sales]);
    expect(bare(await sendJson(finance, `/v1/uploads/${id}/complete`, {}))).toEqual(bare(unknown));
  });

  test('gives its address only to its caller: no log line, other response or error contains it', async () => {
    courier.lines.length = 0;
    const { id, uploadUrl } = await open();
    const secret = new URL(uploadUrl).searchParams.get('upload_id') ?? '';
    expect(secret.length).toBeGreaterThan(10);
    const answers: Answer[] = [];
    answers.push(await sendJson(sales, `/v1/uploads/${id}/complete`, {}));
    // Drive fails while the offset of the session is queried.
    const rule = google.faults.add({ path: '/upload/*', fault: { kind: 'status', status: 400, message: uploadUrl } });
    answers.push(await sendJson(sales, `/v1/uploads/${id}/complete`, {}));
    google.faults.clear();
    expect(rule).toBeDefined();
    await fetch(uploadUrl, { method: 'PUT', body: 'bytes' });
    answers.push(await sendJson(sales, `/v1/uploads/${id}/complete`, {}));
    answers.push(await sendJson(sales, `/v1/uploads/${id}/complete`, {}));
    expect(answers.map(({ status }) => status >= 200)).toEqual([true, true, true, true]);
    expect(answers.at(-1)?.json.outcome).toBe('replayed');
    for (const { text } of answers) expect(text).not.toContain(secret);
    expect(courier.lines.length).toBeGreaterThan(4);
    expect(courier.lines.join('\n')).not.toContain(secret);
  });
});

test('no token is in the log, at any level', () => {
  const log = courier.lines.join('\n');
  expect(log.length).toBeGreaterThan(1_000);
  expect(log).not.toMatch(/eyJ[\w-]+\.[\w-]{10,}\.[\w-]{10,}|ya29\.|PRIVATE KEY/);
});

describe('the courier is not an open proxy', () => {
  const speak = async (text: string): Promise<string> => {
    const { socket, write, ended, received } = await openSocket(Number(new URL(courier.url).port));
    await write(text);
    socket.end();
    await ended;
    return received().toString();
  };

  test('an absolute target is treated as a path of the courier', async () => {
    const other = 'http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token';
    const text = await speak(
      `GET ${other} HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata-Flavor: Google\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 (404|400) /);
    expect(text).not.toContain('access_token');
    expect(google.calls.list()).toEqual([]);
  });

  test('CONNECT opens no tunnel', async () => {
    const { host } = new URL(google.origin);
    expect(await speak(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).not.toMatch(/^HTTP\/1\.1 2/);
    expect(google.calls.list()).toEqual([]);
  });

  test.each([
    'gs://evil.example:8080/x',
    'gs://user@evil/x',
    'gs://abc/../../x?alt=media&host=evil',
    'gs://bucket@evil.example/x',
    'http://169.254.169.254/x',
    'file:///etc/passwd',
    'gs://127.0.0.1/latest',
    'gs://xyz/https://evil.example/',
    'gs://evil.example/x?alt=media&host=evil',
  ])('the object %j reaches no host except Cloud Storage', async (gcs) => {
    await sendJson(sales, '/v1/exports', { destination: 'sales', name: 'a.txt', source: { gcs } });
    const hosts = new Set(google.calls.list().map(({ host }) => host));
    for (const host of hosts) {
      expect([
        'storage.googleapis.com',
        'metadata.google.internal',
        'www.googleapis.com',
        'oauth2.googleapis.com',
      ]).toContain(host);
    }
    for (const { path } of google.calls.list({ host: 'storage.googleapis.com' })) {
      expect(path).toMatch(/^\/storage\/v1\/b\/[^/]+\/o\/[^/]+$/);
    }
  });
});
