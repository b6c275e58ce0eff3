import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { JWT, OAuth2Client } from 'google-auth-library';
import { createRemoteJWKSet, importPKCS8, jwtVerify, SignJWT } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { ask, form, transporterOptions } from '../redirect.ts';

const DRIVE = 'https://www.googleapis.com/auth/drive';
const TOKEN_URI = 'https://oauth2.googleapis.com/token';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

let google: LocalGoogle;
const nowMs = Date.now();

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
  test('google-auth-library gets a token for the account and its scope', async () => {
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

  test('google-auth-library verifies the ID token with the published certificates', async () => {
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
      'a subject without delegation',
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

  test('values just within each limit are accepted', async () => {
    const iat = Math.floor(nowMs / 1000);
    for (const claims of [
      { iat: iat - 3500, exp: iat + 100 },
      { iat: iat + 200, exp: iat + 3800 },
      { iat: iat - 3800, exp: iat - 200 },
    ])
      expect((await grant(await assertion(claims))).status).toBe(200);
  });

  test('delegation allows the granted scopes to act as the person, and no other scope', async () => {
    const { courier, alice } = google.world.emails;
    google.world.delegate(courier, [DRIVE]);
    const { token } = await jwtClient(courier, { subject: alice }).getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({ kind: 'user', email: alice });
    const other = jwtClient(courier, { subject: alice, scopes: [DRIVE, 'https://www.googleapis.com/auth/gmail.send'] });
    await expect(other.getAccessToken()).rejects.toThrow('unauthorized_client');
    google.world.delegate(courier, []);
  });

  test('a disabled key, a deleted key and a disabled account are rejected; another key works', async () => {
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
