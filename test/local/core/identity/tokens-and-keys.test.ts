import { createSign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { ask } from '../redirect.ts';

const DRIVE = 'https://www.googleapis.com/auth/drive';

let google: LocalGoogle;
let nowMs = Date.now();

beforeAll(async () => {
  google = await startLocalGoogle({ now: () => nowMs });
});
afterAll(() => google.close());

describe('access tokens', () => {
  test('expire after an hour, and all at once on request', () => {
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

  test('a modified token is rejected', () => {
    nowMs += 2;
    const token = google.world.accessToken('alice@example.com', [DRIVE]);
    const at = 40;
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    expect(google.world.tokens.holderOf(token, [])).toBeDefined();
    expect(google.world.tokens.holderOf(changed, [])).toBeUndefined();
  });

  test('a self-signed JWT authenticates its account at the API in its audience', () => {
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
