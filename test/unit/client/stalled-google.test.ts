import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { CourierClientError } from '../../../src/client/errors.ts';
import { googleFetch } from '../../../src/client/http/google-fetch.ts';
import { rewriteFor } from '../../../src/client/http/google-origin.ts';
import { createExchange } from '../../../src/client/http/http.ts';
import { discoverIdentity } from '../../../src/client/identity/discover.ts';
import { CourierClient } from '../../../src/client/index.ts';
import { obtainConsent } from '../../../src/client/login/consent.ts';
import { addSecretVersion } from '../../../src/client/login/secret-version.ts';
import { createListening } from '../../support/network/listening.ts';

/** The time limit for one call. Even a busy machine responds well within it. */
const CALL_MS = 1_000;

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
  // Google's library reads AWS credentials from the environment of the process.
  Object.assign(process.env, AWS_ENVIRONMENT);
});
afterAll(async () => {
  for (const name of Object.keys(AWS_ENVIRONMENT)) delete process.env[name];
  await google.close();
});

const { listen, onClose, close } = createListening();
afterEach(close);

/** Stalls before the response, or in the middle of it. */
const STALLS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'before its answer': () => undefined,
  'in its answer': (response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"'),
};

/** The local Google, except for one host, which accepts every request and stalls. Those requests are counted. */
const stallAt = async (path: RegExp, stall: (response: ServerResponse) => void) => {
  let stalled = 0;
  const host = await listen((request, response) => {
    const { url = '', method = 'GET', headers } = request;
    if (path.test(url)) {
      stalled += 1;
      stall(response);
      return;
    }
    const { host: _, connection: __, ...rest } = headers as Record<string, string>;
    const init = { method, headers: rest, ...(method === 'GET' ? {} : { body: request, duplex: 'half' }) };
    fetch(`${google.origin}${url}`, init as RequestInit).then(async (answer) => {
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' });
      response.end(await answer.text());
    });
  });
  return { origin: `http://${host}`, count: () => stalled };
};

/** A key file as Google writes it: with Google's addresses, not those of the local Google. */
const googlesFile = (name: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'courier-key-'));
  onClose(() => rmSync(folder, { recursive: true, force: true }));
  const content = readFileSync(google.world.keyFiles[name] ?? '', 'utf8');
  const file = join(folder, 'key.json');
  writeFileSync(file, content.replaceAll(/http:\/\/127\.0\.0\.1:\d+\/(?=[\w.-]+\.googleapis\.com)/g, 'https://'));
  return file;
};

const failureOf = async (work: Promise<unknown>): Promise<CourierClientError> => {
  const error = await work.catch((thrown: unknown) => thrown);
  if (error instanceof CourierClientError) return error;
  throw new Error('it did not fail as it should');
};

const expectGivenUp = (error: CourierClientError, detail = 'no answer within 1 seconds'): void => {
  expect(error).toMatchObject({ code: 'google-unreachable', retryable: true, exitCode: 75, detail });
  expect(error.remedy).toBe('Check the network and try again.');
};

const TOKENS = /^\/oauth2\.googleapis\.com\//;
const IAM = /^\/iamcredentials\.googleapis\.com\//;
const EXCHANGE = /^\/sts\.googleapis\.com\//;

describe.each(Object.entries(STALLS))('a stalled Google %s', (_, stall) => {
  test.each([
    ['a key file', 'exporter', TOKENS],
    ['a federated identity, at the token exchange', 'external-account-aws', EXCHANGE],
    ['a federated identity, at IAM', 'external-account-aws', IAM],
    ['an impersonated account, at IAM', 'impersonated-service-account', IAM],
  ])('is abandoned: %s', async (_, name, path) => {
    const { origin, count } = await stallAt(path, stall);
    const identity = await discoverIdentity({
      keyFile: googlesFile(name),
      env: { COURIER_GOOGLE_ORIGIN: origin },
      callMs: CALL_MS,
    });
    expectGivenUp(await failureOf(identity.idToken('https://courier.example')));
    expect(count()).toBeGreaterThan(0);
  });

  test('is abandoned: a user’s access token', async () => {
    const { origin } = await stallAt(TOKENS, stall);
    const env = { COURIER_GOOGLE_ORIGIN: origin };
    const identity = await discoverIdentity({
      keyFile: google.world.keyFiles['authorized-user-alice'] ?? '',
      env,
      callMs: CALL_MS,
    });
    expectGivenUp(await failureOf(identity.accessToken([])));
  });

  test('is abandoned: the metadata server', async () => {
    const host = await listen((_, response) => stall(response));
    const env = { GCE_METADATA_HOST: host };
    const identity = await discoverIdentity({ env, home: '/nonexistent', callMs: CALL_MS });
    expectGivenUp(await failureOf(identity.idToken('https://courier.example')));
  });

  test('is abandoned: the code of a consent', async () => {
    const { origin } = await stallAt(TOKENS, stall);
    const rewrite = rewriteFor(origin);
    const consent = obtainConsent({
      client: { id: 'id', secret: 'secret' },
      scopes: [],
      rewrite,
      fetch: googleFetch(rewrite, createExchange({}), CALL_MS),
      signal: new AbortController().signal,
      show(page) {
        const { searchParams } = new URL(page);
        const query = new URLSearchParams({ state: searchParams.get('state') ?? '', code: 'code' });
        void fetch(`${searchParams.get('redirect_uri')}/?${query}`).then((response) => response.text());
      },
    });
    expectGivenUp(await failureOf(consent));
  });

  test('is abandoned: a new version of a secret', async () => {
    const { origin } = await stallAt(/^\/secretmanager/, stall);
    const fetch = googleFetch(rewriteFor(origin), createExchange({}), CALL_MS);
    const added = addSecretVersion('projects/p/secrets/s', Buffer.from('x'), { token: 't', fetch });
    expectGivenUp(await failureOf(added));
  });
});

/** The `gcloud` of an environment without anything else. */
const placeWithGcloud = (lines: string) => {
  const home = mkdtempSync(join(tmpdir(), 'courier-gcloud-'));
  onClose(() => rmSync(home, { recursive: true, force: true }));
  const program = join(home, 'gcloud');
  writeFileSync(program, `#!/bin/sh\n${lines}\n`);
  chmodSync(program, 0o755);
  const env = { PATH: `${home}:${process.env.PATH}`, NO_GCE_CHECK: 'true', CLOUDSDK_CONFIG: home };
  return { env, home, callMs: CALL_MS };
};

describe('a gcloud', () => {
  test('that stalls is stopped and abandoned', async () => {
    const identity = await discoverIdentity(
      placeWithGcloud('case "$*" in config*) echo ops@example.com ;; *) exec sleep 300 ;; esac'),
    );
    expect(identity.kind).toBe('gcloud');
    expectGivenUp(await failureOf(identity.idToken('')), 'gcloud: no answer within 3 seconds');
  });

  test('that stalls before it names its account may still have one: the error is retryable', async () => {
    const found = discoverIdentity(placeWithGcloud('exec sleep 300'));
    expectGivenUp(await failureOf(found), 'gcloud: no answer within 3 seconds');
  });

  test.each([
    ['refuses to name its account', 'echo "ERROR: (gcloud.config) it is broken" >&2; exit 1'],
    ['has none', 'echo "(unset)"'],
  ])('that %s has no identity', async (_, lines) => {
    const found = discoverIdentity(placeWithGcloud(lines));
    expect(await failureOf(found)).toMatchObject({ code: 'identity-not-found', retryable: false });
  });

  test('that prints endlessly is not treated as a slow one', async () => {
    const identity = await discoverIdentity(
      placeWithGcloud('case "$*" in config*) echo ops@example.com ;; *) exec yes ;; esac'),
    );
    expect(await failureOf(identity.idToken(''))).toMatchObject({ code: 'identity-refused', retryable: false });
  });
});

test('the fetch for Google rejects a Request, since it would ignore the Request’s own signal', async () => {
  const ask = googleFetch(rewriteFor(undefined), createExchange({}));
  await expect(ask(new Request('https://oauth2.googleapis.com/token'))).rejects.toThrow(TypeError);
});

test('a Google that stalled once is called again, as after any other network error', async () => {
  let asked = 0;
  const metadata = await listen((_, response) => {
    asked += 1;
    if (asked > 1) response.end('token');
  });
  const courier = await listen((_, response) => response.end(JSON.stringify({ destinations: [] })));
  const identity = await discoverIdentity({ env: { GCE_METADATA_HOST: metadata }, home: '/', callMs: CALL_MS });
  const client = new CourierClient({ url: `http://${courier}`, identity, retry: { sleep: async () => undefined } });
  expect(await client.destinations()).toEqual([]);
  expect(asked).toBe(2);
});
