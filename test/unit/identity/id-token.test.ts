import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CourierError } from '../../../src/errors.ts';
import { createIdTokenVerifier } from '../../../src/identity/id-token.ts';
import { startJwksServer } from '../../support/tokens/jwks-server.ts';
import { createKeptLog } from '../../support/kept-log.ts';
import { AUDIENCE, base64url, createSigner, goodClaims, NOON_SECONDS } from '../../support/tokens/token-signer.ts';

const google = createSigner('google-1');
const stranger = createSigner('google-1');
const labelledWrong = createSigner('labelled-rs512');
const forEncryption = createSigner('for-encryption');
const twice = createSigner('twice');
const small = createSigner('small', 'RS256', 1024);
const keys = [
  google.publicJwk,
  { ...labelledWrong.publicJwk, alg: 'RS512' },
  { ...forEncryption.publicJwk, use: 'enc' },
  twice.publicJwk,
  { ...google.publicJwk, kid: 'twice' },
  small.publicJwk,
  { kid: 'bare', kty: 'RSA' },
  { kid: 7 },
];
const jwks = await startJwksServer(keys);
afterAll(() => jwks.close());

let nowMs: number;
let verify: (token: string) => Promise<unknown>;
beforeEach(() => {
  nowMs = NOON_SECONDS * 1000;
  verify = createIdTokenVerifier({
    audiences: [AUDIENCE, 'second-audience'],
    fetch,
    now: () => nowMs,
    wall: () => nowMs,
    jwksUrl: jwks.url,
    log: createKeptLog(),
  });
});

const signed = (changes: object): string => google.token(goodClaims(changes));
const without = (name: string): string => {
  const { [name]: _, ...claims } = goodClaims();
  return google.token(claims);
};
const header = (changes: object): string =>
  google.token(goodClaims(), { alg: 'RS256', kid: google.kid, typ: 'JWT', ...changes });
const EMAIL = 'exporter@my-proj.iam.gserviceaccount.com';
const SUB = '113774264463038321964';

describe('a rejected token', () => {
  test('of Google for another service is reported with both audiences', async () => {
    await expect(verify(signed({ aud: 'https://other.example' }))).rejects.toMatchObject({
      code: 'token-audience',
      detail: `The token's audience is "https://other.example". This service expects "${AUDIENCE}" or "second-audience".`,
      facts: { audience: 'https://other.example', expectedAudiences: `${AUDIENCE} second-audience` },
    });
  });

  test('that is forged reveals no audience', async () => {
    const forged: unknown = await verify(stranger.token(goodClaims({ aud: 'https://other.example' }))).catch((e) => e);
    expect(forged).toMatchObject({ code: 'token-invalid', detail: undefined, facts: {} });
    expect(JSON.stringify(forged)).not.toContain(AUDIENCE);
  });

  test.each(['ya29.a0AfB_x-y', 'ya29.c.c0ASRK0Ga.b.c'])('%s is reported as an access token', async (token) => {
    await expect(verify(token)).rejects.toMatchObject({
      code: 'token-invalid',
      detail: expect.stringContaining('access token'),
      remedy: expect.stringContaining('ID token'),
    });
  });
});

describe('a token of Google identifies its caller', () => {
  test.each<[string, string, object]>([
    ['as service accounts have it', signed({}), { sub: SUB, email: EMAIL }],
    ['with the short issuer', signed({ iss: 'accounts.google.com' }), { sub: SUB, email: EMAIL }],
    ['for another audience of ours', signed({ aud: 'second-audience' }), { sub: SUB, email: EMAIL }],
    ['without email: by sub alone', without('email'), { sub: SUB }],
    ['with an email not verified: by sub alone', signed({ email_verified: false }), { sub: SUB }],
    ['with an unverified email: by sub alone', without('email_verified'), { sub: SUB }],
    ['with what is no address: by sub alone', signed({ email: 'a b@example.com' }), { sub: SUB }],
    ['with a Kelvin sign in its address: by sub alone', signed({ email: '\u212aim@example.com' }), { sub: SUB }],
    [
      'with capitals in its email',
      signed({ email: 'Exporter@Example.COM' }),
      { sub: SUB, email: 'exporter@example.com' },
    ],
    [
      'of a person whose account an organization manages',
      signed({ email: 'alice@example.com', hd: 'Example.COM' }),
      { sub: SUB, email: 'alice@example.com', hostedDomain: 'example.com' },
    ],
    [
      'of a consumer account at that domain',
      signed({ email: 'alice@example.com' }),
      { sub: SUB, email: 'alice@example.com' },
    ],
    [
      'of an organization, with an email not verified: by sub alone',
      signed({ email: 'alice@example.com', email_verified: false, hd: 'example.com' }),
      { sub: SUB },
    ],
    [
      'with an organization that is no domain',
      signed({ email: 'alice@example.com', hd: 'exa\u212ample.com' }),
      { sub: SUB, email: 'alice@example.com' },
    ],
    [
      'with claims unknown here',
      signed({ hd: 'example.com', google: { compute: { zone: 'x:y' } } }),
      { sub: SUB, email: EMAIL },
    ],
    ['without typ', google.token(goodClaims(), { alg: 'RS256', kid: google.kid }), { sub: SUB, email: EMAIL }],
    ['with nbf', signed({ nbf: NOON_SECONDS }), { sub: SUB, email: EMAIL }],
    ['that lives a day', signed({ exp: NOON_SECONDS + 86_400 }), { sub: SUB, email: EMAIL }],
  ])('%s', async (_, token, caller) => {
    await expect(verify(token)).resolves.toEqual(caller);
  });
});

describe('a token is rejected', () => {
  const [first, second, third] = signed({}).split('.') as [string, string, string];
  // The last of the signature's 342 characters has four spare bits, which are zero for A, Q, g or w.
  const spareBits = `${third.slice(0, -1)}${String.fromCharCode(third.charCodeAt(third.length - 1) + 1)}`;
  test.each<[string, string, string]>([
    ['signed by another key under the same kid', stranger.token(goodClaims()), 'token-invalid'],
    ['by a key labelled for another algorithm', labelledWrong.token(goodClaims()), 'token-invalid'],
    ['by a key labelled for encryption', forEncryption.token(goodClaims()), 'token-invalid'],
    ['by a kid that two keys share', twice.token(goodClaims()), 'token-invalid'],
    ['by the other key of that kid', google.token(goodClaims(), { alg: 'RS256', kid: 'twice' }), 'token-invalid'],
    ['by a key of 1024 bits', small.token(goodClaims()), 'token-invalid'],
    ['by a key that is none', google.token(goodClaims(), { alg: 'RS256', kid: 'bare' }), 'token-invalid'],
    ['without kid', google.token(goodClaims(), { alg: 'RS256' }), 'token-invalid'],
    ['with alg none', `${base64url({ alg: 'none', kid: google.kid })}.${second}.`, 'token-invalid'],
    ['with crit', header({ crit: ['exp'], exp: 1 }), 'token-invalid'],
    ['with b64', header({ b64: true }), 'token-invalid'],
    ['with a key of its own', header({ jwk: stranger.publicJwk }), 'token-invalid'],
    ['with an address for keys', header({ jku: 'https://evil.example/keys' }), 'token-invalid'],
    ['of another type', header({ typ: 'at+jwt' }), 'token-invalid'],
    ['padded', `${first}.${second}.${third}==`, 'token-invalid'],
    ['with spare bits set', `${first}.${second}.${spareBits}`, 'token-invalid'],
    ['in four parts', `${first}.${second}.${third}.${third}`, 'token-invalid'],
    ['in two parts', `${first}.${second}`, 'token-invalid'],
    ['that names a claim twice', google.token(`{"sub":"1",${JSON.stringify(goodClaims()).slice(1)}`), 'token-invalid'],
    [
      'that names one twice, once escaped',
      google.token(`{"s\\u0075b":"1",${JSON.stringify(goodClaims()).slice(1)}`),
      'token-invalid',
    ],
    [
      'that names a header twice',
      google.token(goodClaims(), `{"alg":"none","alg":"RS256","kid":"${google.kid}"}`),
      'token-invalid',
    ],
    [
      'not in UTF-8',
      google.token(Buffer.from(JSON.stringify(goodClaims({ x: '?' })).replace('?', '\xff'), 'latin1')),
      'token-invalid',
    ],
    ['with a header over 1 KiB', header({ x: 'x'.repeat(800) }), 'token-invalid'],
    ['over 8 KiB', signed({ x: 'x'.repeat(8192) }), 'token-invalid'],
    ['of another issuer', signed({ iss: 'https://accounts.google.com/' }), 'token-invalid'],
    ['of the issuer that one library adds', signed({ iss: 'googleapis.com' }), 'token-invalid'],
    ['for another audience', signed({ aud: `${AUDIENCE}/` }), 'token-audience'],
    ['for a list of audiences', signed({ aud: [AUDIENCE] }), 'token-invalid'],
    ['without audience', without('aud'), 'token-invalid'],
    ['without sub', without('sub'), 'token-invalid'],
    ['with an empty sub', signed({ sub: '' }), 'token-invalid'],
    ['with a number as sub', signed({ sub: 1137 }), 'token-invalid'],
    ['without exp', without('exp'), 'token-invalid'],
    ['without iat', without('iat'), 'token-invalid'],
    ['with exp as text', signed({ exp: String(NOON_SECONDS + 3600) }), 'token-invalid'],
    ['with exp in fractions', signed({ exp: NOON_SECONDS + 0.5 }), 'token-invalid'],
    ['with email_verified as text', signed({ email_verified: 'true' }), 'token-invalid'],
    ['that lives longer than a day', signed({ exp: NOON_SECONDS + 86_401 }), 'token-invalid'],
    ['that ends before it begins', signed({ exp: NOON_SECONDS - 1 }), 'token-invalid'],
    ['for other times: nbf', signed({ nbf: NOON_SECONDS + 61 }), 'token-invalid'],
    ['from the future', signed({ iat: NOON_SECONDS + 61 }), 'token-invalid'],
    ['that is over', signed({ iat: NOON_SECONDS - 3660, exp: NOON_SECONDS - 60 }), 'token-expired'],
  ])('%s', async (_, token, code) => {
    await expect(verify(token)).rejects.toMatchObject({ code });
    await expect(verify(signed({}))).resolves.toEqual({ sub: SUB, email: EMAIL });
  });

  test('whose signature the platform removed, with the remedy', async () => {
    await expect(verify(`${first}.${second}.SIGNATURE_REMOVED_BY_GOOGLE`)).rejects.toMatchObject({
      code: 'token-invalid',
      remedy: expect.stringContaining('identity: cloud-run-iam'),
    });
  });

  test('without revealing its content', async () => {
    const error = (await verify(stranger.token(goodClaims())).catch((thrown) => thrown)) as CourierError;
    expect(error).toBeInstanceOf(CourierError);
    expect(`${error.stack} ${error.detail} ${error.remedy} ${String(error.cause)}`).not.toMatch(
      /exporter|eyJ|google-1|113774/,
    );
  });
});

describe('time, on the given clock with 60 seconds of skew', () => {
  const token = signed({ nbf: NOON_SECONDS });
  test.each<[string, number, string]>([
    ['a millisecond too early', -60_001, 'token-invalid'],
    ['at the first moment', -60_000, 'accepted'],
    ['at the last moment', 3_659_999, 'accepted'],
    ['a millisecond too late', 3_660_000, 'token-expired'],
  ])('%s', async (_, offsetMs, outcome) => {
    const seen = () =>
      verify(token).then(
        () => 'accepted',
        ({ code }) => code,
      );
    nowMs += offsetMs;
    expect(await seen()).toBe(outcome);
    nowMs = NOON_SECONDS * 1000;
    await verify(token);
    nowMs += offsetMs; // the same for a token that is remembered
    expect(await seen()).toBe(outcome);
  });
});
