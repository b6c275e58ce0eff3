import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { JWT, OAuth2Client, UserRefreshClient } from 'google-auth-library';
import { createRemoteJWKSet, importPKCS8, jwtVerify, SignJWT } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { ask, form, transporterOptions } from './redirect.ts';

const DRIVE = 'https://www.googleapis.com/auth/drive';
const TOKEN_URI = 'https://oauth2.googleapis.com/token';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

let google: LocalGoogle;
let nowMs = Date.now();

beforeAll(async () => {
  google = await startLocalGoogle({ now: () => nowMs });
});
afterAll(() => google.close());

const jwtClient = (
  email: string,
  options: { subject?: string; scopes?: string[] } = {},
  { client_email, private_key, private_key_id } = google.world.keyFile(email),
): JWT => {
  return new JWT({
    email: client_email,
    key: private_key,
    keyId: private_key_id,
    scopes: [DRIVE],
    ...options,
    transporterOptions: transporterOptions(google.origin),
  });
};

const assertion = async (claims: Record<string, unknown> = {}, kid?: string): Promise<string> => {
  const key = google.world.keyFile(google.world.emails.courier);
  const iat = Math.floor(nowMs / 1000);
  const all = { iss: key.client_email, aud: TOKEN_URI, scope: DRIVE, iat, exp: iat + 3600, ...claims };
  return new SignJWT(all)
    .setProtectedHeader({ alg: 'RS256', kid: kid ?? key.private_key_id })
    .sign(await importPKCS8(key.private_key, 'RS256'));
};

const grant = async (token: string) =>
  ask(`${google.origin}/oauth2.googleapis.com/token`, form({ grant_type: JWT_BEARER, assertion: token }));

describe('service account keys', () => {
  test('google-auth-library gets a token that stands for the account and its scope', async () => {
    const { token } = await jwtClient(google.world.emails.courier).getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({
      kind: 'serviceAccount',
      email: google.world.emails.courier,
      scopes: [DRIVE],
      project: 'local-project',
    });
  });

  test('an ID token for an audience verifies against the published keys, with the email in it', async () => {
    const idToken = await jwtClient(google.world.emails.exporter).fetchIdToken('https://courier.example');
    const keys = createRemoteJWKSet(new URL(`${google.origin}/www.googleapis.com/oauth2/v3/certs`));
    const { payload } = await jwtVerify(idToken, keys, {
      audience: 'https://courier.example',
      issuer: 'https://accounts.google.com',
      algorithms: ['RS256'],
      currentDate: new Date(nowMs),
    });
    expect(payload).toMatchObject({ email: google.world.emails.exporter, email_verified: true });
    expect(payload.sub).toMatch(/^\d{21}$/);
    expect(payload.azp).toBe(payload.sub);
  });

  test('google-auth-library believes the ID token by its certificates', async () => {
    const client = new OAuth2Client({ transporterOptions: transporterOptions(google.origin) });
    const idToken = google.world.idToken({ email: 'alice@example.com', audience: 'aud' });
    const ticket = await client.verifyIdToken({ idToken, audience: 'aud' });
    expect(ticket.getPayload()).toMatchObject({ email: 'alice@example.com', hd: 'example.com' });
  });

  test('the audience may be the address that this server’s key files name', async () => {
    const { token_uri } = JSON.parse(readFileSync(google.world.keyFiles.courier ?? '', 'utf8')) as {
      token_uri: string;
    };
    expect(token_uri).toBe(`${google.origin}/oauth2.googleapis.com/token`);
    expect((await grant(await assertion({ aud: token_uri }))).status).toBe(200);
  });

  test.each<[string, () => Promise<string>, number, string, string | RegExp]>([
    [
      'a changed signature',
      async () => `${(await assertion()).slice(0, -8)}AAAAAAAA`,
      400,
      'invalid_grant',
      'Invalid JWT Signature.',
    ],
    ['an unknown key id', () => assertion({}, 'f'.repeat(40)), 400, 'invalid_grant', 'Invalid JWT Signature.'],
    [
      'an unknown account',
      () => assertion({ iss: 'no@local-project.iam.gserviceaccount.com' }),
      400,
      'invalid_grant',
      'Invalid grant: account not found',
    ],
    [
      'another audience',
      () => assertion({ aud: 'https://example.com' }),
      400,
      'invalid_grant',
      'Invalid JWT: Failed audience check.',
    ],
    [
      'two hours of life',
      () => assertion({ exp: Math.floor(nowMs / 1000) + 7200 }),
      400,
      'invalid_grant',
      /short-lived token \(60 minutes\)/,
    ],
    [
      'a clock two hours slow',
      () => assertion({ iat: Math.floor(nowMs / 1000) - 7200, exp: Math.floor(nowMs / 1000) - 3600 }),
      400,
      'invalid_grant',
      /reasonable timeframe/,
    ],
    [
      'a clock two hours fast',
      () => assertion({ iat: Math.floor(nowMs / 1000) + 7200, exp: Math.floor(nowMs / 1000) + 9000 }),
      400,
      'invalid_grant',
      /reasonable timeframe/,
    ],
    [
      'no scope',
      () => assertion({ scope: '' }),
      400,
      'invalid_scope',
      'Invalid OAuth scope or ID token audience provided.',
    ],
    [
      'a scope that is none',
      () => assertion({ scope: 'drive' }),
      400,
      'invalid_scope',
      'Invalid OAuth scope or ID token audience provided.',
    ],
    [
      'a subject nobody delegated',
      () => assertion({ sub: 'alice@example.com' }),
      401,
      'unauthorized_client',
      /^Client is unauthorized to retrieve access tokens/,
    ],
    [
      'a subject outside the domain',
      () => assertion({ sub: 'eve@example.net' }),
      400,
      'invalid_grant',
      'Invalid email or User ID',
    ],
    ['what is no JWT', async () => 'x.y', 400, 'invalid_grant', 'Bad Request'],
    [
      'an unsigned JWT',
      async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await assertion()).split('.')[1]}.`,
      400,
      'invalid_grant',
      'Invalid JWT Signature.',
    ],
  ])('refuses %s as Google does', async (_, make, status, error, description) => {
    const answer = await grant(await make());
    expect(answer.status).toBe(status);
    expect(answer.body.error).toBe(error);
    expect(answer.body.error_description).toEqual(
      description instanceof RegExp ? expect.stringMatching(description) : description,
    );
  });

  test('neighbours on the right side of each limit are taken', async () => {
    const iat = Math.floor(nowMs / 1000);
    for (const claims of [
      { iat: iat - 3500, exp: iat + 100 },
      { iat: iat + 200, exp: iat + 3800 },
      { iat: iat - 3800, exp: iat - 200 },
    ])
      expect((await grant(await assertion(claims))).status).toBe(200);
  });

  test('delegation lets the granted scopes act as the person, and no other scope', async () => {
    const { courier, alice } = google.world.emails;
    google.world.delegate(courier, [DRIVE]);
    const { token } = await jwtClient(courier, { subject: alice }).getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({ kind: 'user', email: alice });
    const other = jwtClient(courier, { subject: alice, scopes: [DRIVE, 'https://www.googleapis.com/auth/gmail.send'] });
    await expect(other.getAccessToken()).rejects.toThrow('unauthorized_client');
    google.world.delegate(courier, []);
  });

  test('a disabled key, a deleted key and a disabled account are refused; a further key works', async () => {
    const email = 'rotating@local-project.iam.gserviceaccount.com';
    google.world.addServiceAccount(email);
    const first = await google.world.addKey(email);
    const withFirst = () => jwtClient(email, {}, first);
    await google.world.addKey(email);
    google.world.setKeyDisabled(email, true, first.private_key_id);
    await expect(withFirst().getAccessToken()).rejects.toThrow('Invalid JWT Signature.');
    google.world.setKeyDisabled(email, false, first.private_key_id);
    await expect(withFirst().getAccessToken()).resolves.toHaveProperty('token');
    google.world.deleteKey(email, first.private_key_id);
    await expect(withFirst().getAccessToken()).rejects.toThrow('Invalid JWT Signature.');
    await expect(jwtClient(email).getAccessToken()).resolves.toHaveProperty('token');
    google.world.setServiceAccountDisabled(email, true);
    await expect(jwtClient(email).getAccessToken()).rejects.toThrow('account not found');
  });
});

describe('people', () => {
  const userClient = () => {
    const file = JSON.parse(readFileSync(google.world.keyFiles['authorized-user-alice'] ?? '', 'utf8')) as Record<
      string,
      string
    >;
    const client = new UserRefreshClient({ transporterOptions: transporterOptions(google.origin) });
    client.fromJSON(file as Parameters<typeof client.fromJSON>[0]);
    return client;
  };

  test('the loopback flow with PKCE ends in a refresh token, and a code works once', async () => {
    const [{ id, secret } = { id: '', secret: '' }] = google.world.state.oauthClients;
    const client = new OAuth2Client({
      clientId: id,
      clientSecret: secret,
      redirectUri: 'http://127.0.0.1:4711/back',
      transporterOptions: transporterOptions(google.origin),
    });
    const { codeVerifier, codeChallenge } = await client.generateCodeVerifierAsync();
    const address = client.generateAuthUrl({
      access_type: 'offline',
      scope: [DRIVE, 'openid', 'email'],
      state: 'kept',
      code_challenge: codeChallenge ?? '',
      code_challenge_method: 'S256' as never,
    });
    const consent = await fetch(address.replace('https://', `${google.origin}/`), { redirect: 'manual' });
    const back = new URL(consent.headers.get('location') ?? '');
    expect(back.searchParams.get('state')).toBe('kept');
    const code = back.searchParams.get('code') ?? '';
    await expect(client.getToken({ code, codeVerifier: 'x'.repeat(43) })).rejects.toThrow('invalid_grant');
    await expect(client.getToken({ code, codeVerifier })).rejects.toThrow('invalid_grant');

    const again = await fetch(address.replace('https://', `${google.origin}/`), { redirect: 'manual' });
    const fresh = new URL(again.headers.get('location') ?? '').searchParams.get('code') ?? '';
    const { tokens } = await client.getToken({ code: fresh, codeVerifier });
    expect(tokens.refresh_token).toMatch(/^1\/\//);
    expect(google.world.tokens.holderOf(tokens.access_token ?? '', [])).toMatchObject({
      kind: 'user',
      email: 'alice@example.com',
    });
    expect((await client.getTokenInfo(tokens.access_token ?? '')).email).toBe('alice@example.com');
    await client.revokeToken(tokens.access_token ?? '');
    expect(google.world.tokens.holderOf(tokens.access_token ?? '', [])).toBeUndefined();
    await expect(client.getTokenInfo(tokens.access_token ?? '')).rejects.toThrow('invalid_token');
  });

  test('a consent that leads elsewhere than to loopback is refused', async () => {
    const [{ id } = { id: '' }] = google.world.state.oauthClients;
    const query = new URLSearchParams({
      client_id: id,
      redirect_uri: 'https://evil.example/',
      response_type: 'code',
      scope: DRIVE,
    });
    const { status, body } = await ask(`${google.origin}/accounts.google.com/o/oauth2/v2/auth?${query}`);
    expect([status, body.text]).toEqual([400, expect.stringContaining('redirect_uri_mismatch')]);
  });

  test('a refresh token works until it is revoked', async () => {
    const { token } = await userClient().getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({ kind: 'user', email: 'alice@example.com' });
    google.world.revokeRefreshToken('alice@example.com');
    await expect(userClient().getAccessToken()).rejects.toThrow('invalid_grant');
  });

  test.each([
    [
      { grant_type: 'refresh_token', client_id: 'nobody', client_secret: 'x', refresh_token: 'y' },
      401,
      'invalid_client',
    ],
    [{ grant_type: 'password' }, 400, 'unsupported_grant_type'],
    [{}, 400, 'invalid_request'],
  ] as [Record<string, string>, number, string][])('refuses %j', async (members, status, error) => {
    const answer = await ask(`${google.origin}/oauth2.googleapis.com/token`, form(members));
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });
});

describe('access tokens', () => {
  test('die after their hour, and all at once when told to', () => {
    const token = google.world.accessToken('alice@example.com', [DRIVE]);
    const startedMs = nowMs;
    nowMs += 3_599_000;
    expect(google.world.tokens.holderOf(token, [])).toBeDefined();
    nowMs += 1_000;
    expect(google.world.tokens.holderOf(token, [])).toBeUndefined();
    nowMs = startedMs;
    const other = google.world.accessToken('alice@example.com', [DRIVE]);
    google.world.expireAccessTokens();
    expect(google.world.tokens.holderOf(other, [])).toBeUndefined();
  });

  test('a tampered one is nobody’s', () => {
    nowMs += 2;
    const token = google.world.accessToken('alice@example.com', [DRIVE]);
    const at = 40;
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    expect(google.world.tokens.holderOf(token, [])).toBeDefined();
    expect(google.world.tokens.holderOf(changed, [])).toBeUndefined();
  });

  test('a self-signed JWT stands for its account at the API that it names', () => {
    const key = google.world.keyFile(google.world.emails.courier);
    const iat = Math.floor(nowMs / 1000);
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'RS256', kid: key.private_key_id })}.${part({ iss: key.client_email, sub: key.client_email, aud: 'https://secretmanager.googleapis.com/', iat, exp: iat + 3600 })}`;
    const token = `${signed}.${createSign('RSA-SHA256').update(signed).sign(key.private_key, 'base64url')}`;
    expect(google.world.tokens.holderOf(token, ['secretmanager.googleapis.com'])).toMatchObject({
      email: key.client_email,
    });
    expect(google.world.tokens.holderOf(token, ['www.googleapis.com'])).toBeUndefined();
  });
});

describe('signing keys', () => {
  test('two are published, cacheable, and a rotation keeps the old one', async () => {
    const certs = () => ask(`${google.origin}/www.googleapis.com/oauth2/v3/certs`);
    const before = await certs();
    const kids = (before.body.keys as { kid: string; alg: string; use: string }[]).map(({ kid }) => kid);
    expect(kids).toHaveLength(2);
    expect(before.headers.get('cache-control')).toMatch(/^public, max-age=\d+/);
    expect(before.body.keys).toEqual([
      expect.objectContaining({ alg: 'RS256', use: 'sig', kty: 'RSA' }),
      expect.anything(),
    ]);
    await google.world.rotateSigningKeys();
    const after = ((await certs()).body.keys as { kid: string }[]).map(({ kid }) => kid);
    expect(after[0]).toBe(kids[1]);
    expect(after).toContain(kids[0]);
    expect(after).toHaveLength(3);
  });

  test('IAP’s assertions verify against IAP’s own ES256 keys', async () => {
    const token = google.world.iapToken({
      email: 'bob@example.com',
      audience: '/projects/1/locations/eu/services/courier',
    });
    const keys = createRemoteJWKSet(new URL(`${google.origin}/www.gstatic.com/iap/verify/public_key-jwk`));
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: 'https://cloud.google.com/iap',
      currentDate: new Date(nowMs),
    });
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({ email: 'bob@example.com', hd: 'example.com' });
    expect(payload.email_verified).toBeUndefined();
  });
});
