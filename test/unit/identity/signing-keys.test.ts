import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createIdTokenVerifier } from '../../../src/identity/id-token.ts';
import { createSigningKeys, type SigningKeys } from '../../../src/identity/signing-keys.ts';
import { type JwksServer, startJwksServer } from '../../support/tokens/jwks-server.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { AUDIENCE, createSigner, goodClaims, NOON_SECONDS } from '../../support/tokens/token-signer.ts';

const first = createSigner('first');
const second = createSigner('second');
const NOON_MS = NOON_SECONDS * 1000;
const HOUR_MS = 3_600_000;

let jwks: JwksServer;
let nowMs: number;
let withdrawals: number;
let keys: SigningKeys;
beforeEach(async () => {
  jwks = await startJwksServer([first.publicJwk]);
  nowMs = NOON_MS;
  withdrawals = 0;
  keys = createSigningKeys({
    url: jwks.url,
    algorithm: 'RS256',
    fetch,
    now: () => nowMs,
    log: createKeptLog(),
    onWithdrawn: () => {
      withdrawals += 1;
    },
  });
});
afterEach(() => jwks.close());

/** Waits for a renewal in the background: it has ended when no more requests for the keys arrive. */
const waitForRenewal = async (): Promise<void> => {
  for (let fetches = -1; fetches !== jwks.fetches; await new Promise((resolve) => setTimeout(resolve, 20))) {
    fetches = jwks.fetches;
  }
};

describe('Google’s keys are fetched', () => {
  test('as JSON, only from their own addresses, and with a time limit', async () => {
    const asked: [string, RequestInit | undefined][] = [];
    const log = createKeptLog();
    const watched: typeof fetch = (url, init) => {
      asked.push([String(url), init]);
      return fetch(url, init);
    };
    await createSigningKeys({ url: jwks.url, algorithm: 'RS256', fetch: watched, now: () => nowMs, log }).warmUp();
    expect(asked).toEqual([
      [jwks.url, { redirect: 'error', signal: expect.any(AbortSignal), headers: { accept: 'application/json' } }],
    ]);
  });

  test('once for all waiting callers', async () => {
    const found = await Promise.all(Array.from({ length: 200 }, () => keys.find('first')));
    expect(new Set(found).size).toBe(1);
    expect(found[0]).toBeDefined();
    expect(jwks.fetches).toBe(1);
  });

  test('once for many unknown ids, and again only after 30 seconds', async () => {
    await keys.warmUp();
    nowMs += 30_000;
    const storm = () => Promise.all(Array.from({ length: 500 }, (_, index) => keys.find(`unknown-${index}`)));
    expect(new Set(await storm())).toEqual(new Set([undefined]));
    expect(jwks.fetches).toBe(2);
    nowMs += 29_999;
    await storm();
    expect(jwks.fetches).toBe(2);
    nowMs += 1;
    await storm();
    expect(jwks.fetches).toBe(3);
  });

  test('again for a new key', async () => {
    await keys.warmUp();
    jwks.keys = [first.publicJwk, second.publicJwk];
    expect(await keys.find('second')).toBeUndefined();
    nowMs += 30_000;
    expect(await keys.find('second')).toBeDefined();
    expect(jwks.fetches).toBe(2);
    expect(withdrawals).toBe(0);
  });

  test.each([
    ['public, max-age=3600', {}, 3600],
    ['public, max-age=3600', { age: '600' }, 3000],
    ['max-age=100000000', {}, 86_400],
    ['no-cache', {}, 300],
  ])('again when "%s" %j has expired', async (cacheControl, more, seconds) => {
    jwks.headers = { 'cache-control': cacheControl, ...more };
    await keys.find('first');
    nowMs += seconds * 500 - 1;
    await keys.find('first');
    await waitForRenewal();
    expect(jwks.fetches).toBe(1);
    jwks.status = 500; // This way the background renewal cannot hide what follows.
    nowMs = NOON_MS + seconds * 1000 - 1;
    await expect(keys.find('first')).resolves.toBeDefined();
    await waitForRenewal();
    nowMs = NOON_MS + seconds * 1000 + 2000;
    await expect(keys.find('first')).rejects.toMatchObject({ code: 'google-unavailable', retryable: true });
  });

  test('each time if the response has an invalid age', async () => {
    jwks.headers = { 'cache-control': 'max-age=3600', age: 'unknown' };
    await keys.find('first');
    await keys.find('first');
    expect(jwks.fetches).toBe(2);
  });

  test('and used without the optional members for use and algorithm', async () => {
    const { alg: _, use: __, ...unlabelled } = first.publicJwk as Record<string, unknown>;
    jwks.keys = [unlabelled];
    expect(await keys.find('first')).toBeDefined();
  });

  test('before they expire, in the background', async () => {
    await keys.warmUp();
    jwks.keys = [second.publicJwk];
    nowMs += 3 * HOUR_MS;
    expect(await keys.find('first')).toBeDefined();
    await waitForRenewal();
    expect(jwks.fetches).toBe(2);
    expect(withdrawals).toBe(1);
    expect(await keys.find('first')).toBeUndefined();
  });

  test('again at once when the clock was set back', async () => {
    await keys.warmUp();
    nowMs -= 10 * 60_000;
    await keys.find('first');
    expect(jwks.fetches).toBe(2);
  });
});

describe('while Google does not respond', () => {
  test.each<[string, (server: JwksServer) => void]>([
    ['an error', (server) => Object.assign(server, { status: 503 })],
    ['a redirect', (server) => Object.assign(server, { status: 302, headers: { location: '/elsewhere' } })],
    ['a page', (server) => Object.assign(server, { body: '<html>' })],
    ['other JSON', (server) => Object.assign(server, { body: '{"keys":{}}' })],
    ['no keys', (server) => Object.assign(server, { keys: [] })],
    ['keys of another algorithm', (server) => Object.assign(server, { keys: [{ ...first.publicJwk, alg: 'RS512' }] })],
    ['keys of another use', (server) => Object.assign(server, { keys: [{ ...first.publicJwk, use: 'enc' }] })],
  ])('%s is not a key, and the error is named', async (_, breakIt) => {
    breakIt(jwks);
    await expect(keys.find('first')).rejects.toMatchObject({ code: 'google-unavailable', status: 503 });
  });

  test('Google is called once in two seconds, and then it works again', async () => {
    jwks.status = 500;
    const ask = () => Promise.allSettled(Array.from({ length: 100 }, () => keys.find('first')));
    expect((await ask()).every(({ status }) => status === 'rejected')).toBe(true);
    await ask();
    expect(jwks.fetches).toBe(1);
    jwks.status = 200;
    nowMs += 2000;
    expect((await ask()).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(jwks.fetches).toBe(2);
  });

  test('cached keys remain in use, and unknown ones are not reported as invalid', async () => {
    await keys.warmUp();
    jwks.status = 500;
    nowMs += 60_000;
    await expect(keys.find('unknown')).rejects.toMatchObject({ code: 'google-unavailable' });
    await expect(keys.find('unknown')).rejects.toMatchObject({ code: 'google-unavailable' });
    await expect(keys.find('first')).resolves.toBeDefined();
    expect(jwks.fetches).toBe(2);
  });
});

describe('cached tokens', () => {
  const claims = goodClaims({ exp: NOON_SECONDS + 8 * 3600 });

  test('need no key and no fetch', async () => {
    const verify = createIdTokenVerifier({
      audiences: [AUDIENCE],
      fetch,
      now: () => nowMs,
      wall: () => nowMs,
      log: createKeptLog(),
      jwksUrl: jwks.url,
    });
    await verify(first.token(claims));
    jwks.status = 500;
    nowMs += 7 * HOUR_MS;
    await expect(verify(first.token(claims))).resolves.toMatchObject({ sub: claims.sub });
    expect(jwks.fetches).toBe(1);
  });

  test('are dropped with the key that Google removed', async () => {
    const verify = createIdTokenVerifier({
      audiences: [AUDIENCE],
      fetch,
      now: () => nowMs,
      wall: () => nowMs,
      log: createKeptLog(),
      jwksUrl: jwks.url,
    });
    const token = first.token(claims);
    await verify(token);
    jwks.keys = [second.publicJwk];
    nowMs += 60_000;
    await verify(second.token(claims));
    await expect(verify(token)).rejects.toMatchObject({ code: 'token-invalid' });
  });

  test('are judged by the clock of the machine, and the keys by their age, whatever that clock shows', async () => {
    let wallMs = NOON_MS;
    const verify = createIdTokenVerifier({
      ...{ audiences: [AUDIENCE], fetch, log: createKeptLog(), jwksUrl: jwks.url },
      now: () => nowMs,
      wall: () => wallMs,
    });
    await verify(first.token(claims));
    // The clock has been set back twice meanwhile.
    nowMs += 7 * HOUR_MS;
    wallMs += HOUR_MS;
    jwks.keys = [second.publicJwk];
    await expect(verify(first.token({ ...claims, sub: 'new' }))).rejects.toMatchObject({ code: 'token-invalid' });
    const known = second.token(claims);
    await verify(known);
    nowMs += 7 * HOUR_MS;
    await verify(known);
    wallMs += 7.5 * HOUR_MS;
    await expect(verify(known)).rejects.toMatchObject({ code: 'token-expired' });
  });
});
