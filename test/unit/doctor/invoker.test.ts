import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/config.ts';
import { checkInvoker } from '../../../src/doctor/checks/invoker.ts';

const running: Server[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
});

const listen = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  running.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const configOf = (audiences: readonly string[], { identity = 'cloud-run-iam', env = {} } = {}) =>
  readConfig({
    COURIER_AUDIENCES: audiences.join(','),
    COURIER_IDENTITY: identity,
    COURIER_CALLERS: 'a@example.com',
    COURIER_FOLDER: 'folder-id',
    COURIER_IMPERSONATE: 'writer@my-project.iam.gserviceaccount.com',
    COURIER_GOOGLE_ORIGIN: 'http://127.0.0.1:1',
    K_SERVICE: 'drive-courier',
    ...env,
  });

const check = (config: ReturnType<typeof configOf>, patienceMs = 30_000) =>
  checkInvoker(
    { config, now: Date.now, isCloudRun: async () => config.onCloudRun },
    { runtimeEmail: 'run@my-project.iam.gserviceaccount.com', deadlineMs: Date.now() + patienceMs },
  );

type Say = (response: ServerResponse, request: IncomingMessage) => void;

const page =
  (status: number, headers: Record<string, string> = {}): Say =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'text/html; charset=UTF-8', ...headers }).end('<html></html>');
const json =
  (status: number, headers: Record<string, string> = {}): Say =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{}');
const couriers = { 'x-request-id': 'a'.repeat(32), 'x-content-type-options': 'nosniff' };
const courier = json(200, couriers);
const couriersRefusal = json(401, {
  ...couriers,
  'content-type': 'application/problem+json',
  'www-authenticate': 'Bearer realm="drive-courier"',
});

describe('responses that count as Cloud Run’s rejection', () => {
  test.each<[string, Say, Say, 'passed' | 'failed' | 'warned']>([
    ['403 and 401, pages both', page(403), page(401), 'passed'],
    ['403 twice', page(403), page(403), 'passed'],
    ['the courier, without a token', courier, page(401), 'failed'],
    ['the courier, with any token', page(403), courier, 'failed'],
    ['the courier’s own 401', couriersRefusal, couriersRefusal, 'failed'],
    [
      'the courier’s own 401, made a page by a balancer',
      page(401, { 'www-authenticate': 'Bearer realm="drive-courier"' }),
      page(401),
      'failed',
    ],
    ['somebody’s JSON', json(401), json(401), 'warned'],
    ['somebody’s JSON with a request id', json(403, { ...couriers, 'x-request-id': '7' }), json(403), 'warned'],
    ['a page for everybody', page(200), page(200), 'warned'],
    ['a page for a request with any token', page(403), page(200), 'warned'],
    ['a page that is not found, as with another ingress', page(404), page(404), 'warned'],
    ['an outage', page(503), page(503), 'warned'],
    ['a broken connection', (response) => void response.destroy(), page(401), 'warned'],
  ])('%s', async (_, bare, forged, expected) => {
    const url = await listen((request, response) =>
      (request.headers.authorization === undefined ? bare : forged)(response, request),
    );
    expect(await check(configOf([url]))).toMatchObject({ check: 'invoker', result: expected });
  });

  test('a redirect is not followed', async () => {
    let asked = 0;
    const elsewhere = await listen((_, response) => {
      asked += 1;
      page(403)(response, _);
    });
    const url = await listen((request, response) => page(302, { location: elsewhere })(response, request));
    const { result, detail } = await check(configOf([url]));
    expect([result, asked]).toEqual(['warned', 0]);
    expect(detail).toContain('it answers 302 text/html');
  });
});

test('requests a public page at each address, once without a token and once with a forged one', async () => {
  const seen: string[] = [];
  const url = await listen((request, response) => {
    const [, token = ''] = (request.headers.authorization ?? '').split(' ');
    seen.push(`${request.method} ${request.url} ${token.split('.').at(-1)}`);
    page(403)(response, request);
  });
  await check(configOf([`${url}/a-function/`]));
  expect(seen.sort()).toEqual(['GET /a-function/v1/health ', 'GET /a-function/v1/health SIGNATURE_REMOVED_BY_GOOGLE']);
});

test('one public address is a failure, and an unresponsive one is ignored beside one that rejects', async () => {
  const closed = await listen((request, response) => page(403)(response, request));
  const open = await listen((request, response) => courier(response, request));
  const silent = await listen((_, response) => void response.destroy());
  const failure = await check(configOf([closed, open]));
  expect(failure).toMatchObject({ result: 'failed', detail: expect.stringContaining(open) });
  expect(failure.detail).not.toContain(closed);
  expect(await check(configOf([silent, closed]))).toMatchObject({ result: 'passed' });
});

test('an unresponsive address is not waited for, and an endless response is not read', async () => {
  const silent = await listen(() => undefined);
  const startedMs = Date.now();
  const { result, detail } = await check(configOf([silent]), 200);
  expect([result, detail]).toEqual(['warned', expect.stringContaining('does not answer (ETIMEDOUT)')]);

  const hungUp: Promise<unknown>[] = [];
  const endless = await listen((_, response) => {
    hungUp.push(new Promise((resolve) => response.once('close', resolve)));
    response.writeHead(403, { 'content-type': 'text/html' });
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  expect(await check(configOf([endless]))).toMatchObject({ result: 'passed' });
  await Promise.all(hungUp);
  expect(hungUp).toHaveLength(2);
  expect(Date.now() - startedMs).toBeLessThan(7_000);
}, 30_000);

describe('no other address is called', () => {
  test('with a development origin for Google nothing leaves the machine', async () => {
    const { result, detail } = await check(configOf(['https://drive-courier-1.europe-west1.run.app', 'not-a-url']));
    expect([result, detail]).toEqual(['warned', expect.stringContaining('none of "audiences" is an https URL')]);
  });

  test('otherwise nothing is called without TLS', async () => {
    let asked = 0;
    const url = await listen((request, response) => {
      asked += 1;
      page(403)(response, request);
    });
    const env = { COURIER_GOOGLE_ORIGIN: '' };
    for (const audience of [url, url.replace('127.0.0.1', 'localhost'), `/projects/1/services/${url}`])
      expect(await check(configOf([audience], { env }))).toMatchObject({ result: 'warned' });
    expect(asked).toBe(0);
  });

  test.each([
    ['id-token', {}],
    ['cloud-run-iam', { K_SERVICE: '' }],
  ])('%s %j: if the courier verifies signatures itself, the check is skipped', async (identity, env) => {
    let asked = 0;
    const url = await listen((request, response) => {
      asked += 1;
      courier(response, request);
    });
    expect(await check(configOf([url], { identity, env }))).toMatchObject({ result: 'skipped' });
    expect(asked).toBe(0);
  });
});

test('the remedy names service, region and project', async () => {
  const url = await listen((request, response) => courier(response, request));
  expect((await check(configOf([url]))).remedy).toMatch(
    /^gcloud run services remove-iam-policy-binding drive-courier --region=REGION --project=my-project --member=allUsers/,
  );
  const elsewhere = configOf(['https://drive-courier-123.europe-west1.run.app'], {
    env: { COURIER_GOOGLE_ORIGIN: '', GOOGLE_CLOUD_PROJECT: 'other' },
  });
  // Without time left nothing is called.
  expect(await check(elsewhere, 0)).toMatchObject({
    result: 'warned',
    detail: expect.stringContaining('no time left'),
    remedy: expect.stringMatching(/get-iam-policy drive-courier --region=europe-west1 --project=other;/),
  });
});
