import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OAuth2Client, UserRefreshClient } from 'google-auth-library';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { ask, form, transporterOptions } from '../redirect.ts';

const DRIVE = 'https://www.googleapis.com/auth/drive';

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
});
afterAll(() => google.close());

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

  test('a consent that does not redirect to loopback is rejected', async () => {
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
