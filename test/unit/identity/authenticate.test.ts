import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Config, readConfig } from '../../../src/config/config.ts';
import { ConfigError } from '../../../src/config/faults.ts';
import { CourierError } from '../../../src/errors.ts';
import { createAuthenticator } from '../../../src/identity/authenticate.ts';
import { startJwksServer } from '../../support/tokens/jwks-server.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { AUDIENCE, base64url, createSigner, goodClaims, NOON_SECONDS } from '../../support/tokens/token-signer.ts';

const google = createSigner('google-1');
const proxy = createSigner('iap-1', 'ES256');
const jwks = await startJwksServer([google.publicJwk]);
const iapJwks = await startJwksServer([proxy.publicJwk]);
afterAll(() => Promise.all([jwks.close(), iapJwks.close()]));

const SUB = '113774264463038321964';
const EMAIL = 'exporter@my-proj.iam.gserviceaccount.com';
const PUSHER = 'pubsub-push@my-proj.iam.gserviceaccount.com';
const IAP_AUDIENCE = '/projects/123456789/locations/asia-northeast1/services/courier';

const configOf = (changes: object = {}, env: Record<string, string> = {}): Config =>
  readConfig({
    COURIER_CONFIG: JSON.stringify({
      audiences: [AUDIENCE],
      credentials: { main: { adc: true } },
      destinations: { a: { folder: '0AbCdEf', credentials: 'main', callers: [EMAIL] } },
      pubsub: {
        subscriptions: { 'projects/p/subscriptions/exports': { serviceAccount: PUSHER, destinations: ['a'] } },
      },
      ...changes,
    }),
    ...env,
  });

let log: ReturnType<typeof createKeptLog>;
beforeEach(() => {
  log = createKeptLog();
});

/** The addresses of Google's keys lead to the servers of this test. */
const toLoopback: typeof fetch = (url, init) =>
  fetch(
    {
      'https://www.googleapis.com/oauth2/v3/certs': jwks.url,
      'https://www.gstatic.com/iap/verify/public_key-jwk': iapJwks.url,
    }[String(url)] ?? 'http://127.0.0.1:9/',
    init,
  );
const noon = (): number => NOON_SECONDS * 1000;
const authenticatorOf = (config: Config, isCloudRun = async () => config.onCloudRun) =>
  createAuthenticator(config, { fetch: toLoopback, now: noon, wall: noon, log, isCloudRun });

const bearer = (token: string, more: Record<string, string> = {}) =>
  new Headers({ authorization: `Bearer ${token}`, ...more });
const stripped = (claims: object, header: object = { alg: 'RS256', kid: google.kid, typ: 'JWT' }) =>
  `${base64url(header)}.${base64url(claims)}.SIGNATURE_REMOVED_BY_GOOGLE`;
const refusal = (code: string) => ({ code });

describe('identity: id-token', () => {
  test('identifies the caller by the Authorization header alone', async () => {
    const { authenticate, warmUp } = authenticatorOf(configOf());
    await warmUp();
    const good = google.token(goodClaims());
    await expect(authenticate(bearer(good, { 'x-serverless-authorization': 'Bearer nonsense' }))).resolves.toEqual({
      sub: SUB,
      email: EMAIL,
    });
    await expect(authenticate(new Headers({ 'x-serverless-authorization': `Bearer ${good}` }))).rejects.toMatchObject(
      refusal('token-missing'),
    );
    await expect(authenticate(new Headers())).rejects.toMatchObject(refusal('token-missing'));
  });

  test('rejects a removed signature, on Cloud Run too, and names the mode that accepts it', async () => {
    const { authenticate } = authenticatorOf(configOf({}, { K_SERVICE: 'courier' }));
    await expect(authenticate(bearer(stripped(goodClaims())))).rejects.toMatchObject({
      code: 'token-invalid',
      status: 401,
      remedy: expect.stringContaining('identity: cloud-run-iam'),
    });
  });

  test('accepts a push only from the configured account', async () => {
    const { authenticatePush } = authenticatorOf(configOf());
    await expect(authenticatePush(bearer(google.token(goodClaims({ email: PUSHER }))))).resolves.toEqual({
      sub: SUB,
      email: PUSHER,
    });
    await expect(authenticatePush(bearer(google.token(goodClaims())))).rejects.toMatchObject(
      refusal('caller-not-allowed'),
    );
    const person = google.token(goodClaims({ email: PUSHER.replace(/@.*/, '@example.com'), hd: 'example.com' }));
    await expect(authenticatePush(bearer(person))).rejects.toMatchObject(refusal('caller-not-allowed'));
    const unverified = google.token(goodClaims({ email: PUSHER, email_verified: false }));
    await expect(authenticatePush(bearer(unverified))).rejects.toMatchObject(refusal('caller-not-allowed'));
    const elsewhere = google.token(goodClaims({ email: PUSHER, aud: 'https://other.example' }));
    await expect(authenticatePush(bearer(elsewhere))).rejects.toMatchObject(refusal('token-audience'));
  });
});

describe('identity: cloud-run-iam', () => {
  const onCloudRun = configOf({ identity: 'cloud-run-iam' }, { K_SERVICE: 'courier' });

  test('accepts a token whose signature Cloud Run removed, and logs at startup what it trusts', async () => {
    const { authenticate, authenticatePush } = authenticatorOf(onCloudRun);
    expect(log.lines.join('\n')).toMatch(/^info .*accepts tokens without a signature/);
    await expect(authenticate(bearer(stripped(goodClaims())))).resolves.toEqual({ sub: SUB, email: EMAIL });
    await expect(authenticatePush(bearer(stripped(goodClaims({ email: PUSHER }))))).resolves.toMatchObject({
      email: PUSHER,
    });
  });

  test('accepts none if the metadata server is not Cloud Run’s, with any value of K_SERVICE, and warns at startup', async () => {
    const { authenticate, warmUp } = authenticatorOf(onCloudRun, async () => false);
    await warmUp();
    expect(log.lines.join('\n')).toMatch(/^warn .*not Cloud Run according to the metadata server/m);
    await expect(authenticate(bearer(stripped(goodClaims())))).rejects.toMatchObject(refusal('token-invalid'));
    await expect(authenticate(bearer(google.token(goodClaims())))).resolves.toEqual({ sub: SUB, email: EMAIL });
  });

  test('accepts none while the metadata server does not respond, but still accepts complete tokens', async () => {
    const { authenticate } = authenticatorOf(onCloudRun, async () => {
      throw new CourierError('google-unavailable');
    });
    await expect(authenticate(bearer(stripped(goodClaims())))).rejects.toMatchObject(refusal('google-unavailable'));
    await expect(authenticate(bearer(google.token(goodClaims())))).resolves.toEqual({ sub: SUB, email: EMAIL });
  });

  test('identifies the organization of a person by hd, not by the address', async () => {
    const { authenticate } = authenticatorOf(onCloudRun);
    const person = { sub: SUB, email: 'alice@example.com' };
    await expect(authenticate(bearer(stripped(goodClaims({ ...person, hd: 'example.com' }))))).resolves.toEqual({
      ...person,
      hostedDomain: 'example.com',
    });
    await expect(authenticate(bearer(stripped(goodClaims(person))))).resolves.toEqual(person);
  });

  test('still verifies a complete token', async () => {
    const { authenticate } = authenticatorOf(onCloudRun);
    const good = google.token(goodClaims());
    await expect(authenticate(bearer(good))).resolves.toEqual({ sub: SUB, email: EMAIL });
    await expect(authenticate(bearer(createSigner('google-1').token(goodClaims())))).rejects.toMatchObject(
      refusal('token-invalid'),
    );
  });

  test.each<[string, Headers, string]>([
    ['for another audience', bearer(stripped(goodClaims({ aud: 'other' }))), 'token-audience'],
    ['of another issuer', bearer(stripped(goodClaims({ iss: 'https://evil.example' }))), 'token-invalid'],
    [
      'that is over',
      bearer(stripped(goodClaims({ iat: NOON_SECONDS - 3660, exp: NOON_SECONDS - 60 }))),
      'token-expired',
    ],
    ['of another algorithm', bearer(stripped(goodClaims(), { alg: 'none', kid: 'x' })), 'token-invalid'],
    [
      'beside the header that Cloud Run checked instead',
      bearer(stripped(goodClaims()), { 'X-Serverless-Authorization': 'Bearer x.y.SIGNATURE_REMOVED_BY_GOOGLE' }),
      'token-invalid',
    ],
    [
      'in that other header',
      new Headers({ 'x-serverless-authorization': `Bearer ${stripped(goodClaims())}` }),
      'token-missing',
    ],
    [
      'with the mark in small letters',
      bearer(stripped(goodClaims()).replace(/SIGNATURE.*/, 'signature_removed_by_google')),
      'token-invalid',
    ],
    ['in four parts', bearer(stripped(goodClaims()).replace('.SIG', '.x.SIG')), 'token-invalid'],
    ['with an empty signature', bearer(stripped(goodClaims()).replace(/SIGNATURE.*/, '')), 'token-invalid'],
  ])('rejects a removed signature %s', async (_, headers, code) => {
    await expect(authenticatorOf(onCloudRun).authenticate(headers)).rejects.toMatchObject({ code });
  });

  test('rejects every removed signature outside Cloud Run, and logs that at startup', async () => {
    const { authenticate, warmUp } = authenticatorOf(configOf({ identity: 'cloud-run-iam' }));
    await warmUp();
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*not Cloud Run/)]);
    await expect(authenticate(bearer(stripped(goodClaims())))).rejects.toMatchObject(refusal('token-invalid'));
    await expect(authenticate(bearer(google.token(goodClaims())))).resolves.toEqual({ sub: SUB, email: EMAIL });
  });
});

describe('identity: iap', () => {
  const config = configOf({
    identity: 'iap',
    audiences: [IAP_AUDIENCE, '/projects/123456789/global/backendServices/42'],
  });
  const { email_verified: _, azp: __, ...rest } = goodClaims();
  const iapClaims = (changes: object = {}) => ({
    ...rest,
    iss: 'https://cloud.google.com/iap',
    aud: IAP_AUDIENCE,
    sub: 'accounts.google.com:12345',
    email: 'Alice@example.com',
    exp: NOON_SECONDS + 600,
    ...changes,
  });
  const assertion = (token: string) => new Headers({ 'x-goog-iap-jwt-assertion': token });
  const known = { sub: '12345', email: 'alice@example.com' };

  test.each<[string, object, object]>([
    ['direct on Cloud Run', {}, known],
    ['behind a load balancer', { aud: '/projects/123456789/global/backendServices/42' }, known],
    ['whose account an organization manages', { hd: 'Example.com' }, { ...known, hostedDomain: 'example.com' }],
    ['a consumer account, which has no hd', { hd: undefined }, known],
    ['a service account, with any hd', { email: EMAIL, hd: 'example.com' }, { sub: '12345', email: EMAIL }],
    ['without email', { email: undefined, hd: 'example.com' }, { sub: '12345' }],
    [
      'whose account an outside provider keeps: by sub alone',
      { sub: 'securetoken.google.com/p/t:9', hd: 'example.com' },
      { sub: 'securetoken.google.com/p/t:9' },
    ],
  ])('identifies the caller %s', async (_, changes, caller) => {
    await expect(authenticatorOf(config).authenticate(assertion(proxy.token(iapClaims(changes))))).resolves.toEqual(
      caller,
    );
  });

  test.each<[string, Headers, string]>([
    ['no assertion', new Headers(), 'token-missing'],
    ['a Google ID token instead', bearer(google.token(goodClaims({ aud: IAP_AUDIENCE }))), 'token-missing'],
    ['a Google ID token in its place', assertion(google.token(iapClaims())), 'token-invalid'],
    ['a key of somebody else', assertion(createSigner('iap-1', 'ES256').token(iapClaims())), 'token-invalid'],
    [
      'the issuer of ID tokens',
      assertion(proxy.token(iapClaims({ iss: 'https://accounts.google.com' }))),
      'token-invalid',
    ],
    [
      'another backend',
      assertion(proxy.token(iapClaims({ aud: '/projects/1/global/backendServices/42' }))),
      'token-audience',
    ],
    [
      'a token that is over',
      assertion(proxy.token(iapClaims({ iat: NOON_SECONDS - 660, exp: NOON_SECONDS - 60 }))),
      'token-expired',
    ],
    [
      'a removed signature',
      assertion(`${proxy.token(iapClaims()).replace(/[^.]+$/, '')}SIGNATURE_REMOVED_BY_GOOGLE`),
      'token-invalid',
    ],
    ['two assertions', assertion(`${proxy.token(iapClaims())}, ${proxy.token(iapClaims())}`), 'token-invalid'],
    [
      'the unsigned header',
      new Headers({ 'x-goog-authenticated-user-email': 'accounts.google.com:alice@example.com' }),
      'token-missing',
    ],
  ])('rejects %s', async (_, headers, code) => {
    await expect(authenticatorOf(config).authenticate(headers)).rejects.toMatchObject({ code });
  });

  test('explains why a request without an assertion is rejected', async () => {
    await expect(authenticatorOf(config).authenticate(new Headers())).rejects.toMatchObject({
      reason: 'not-through-iap',
    });
  });

  test('does not start with an audience that IAP never uses', () => {
    expect(() => authenticatorOf(configOf({ identity: 'iap' }))).toThrow(ConfigError);
  });
});
