import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AwsClient, ExternalAccountClient, IdentityPoolClient, Impersonated, OAuth2Client } from 'google-auth-library';
import { decodeJwt } from 'jose';
import { type LocalGoogle, startLocalGoogle } from '../../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../../local/google/world/key-files.ts';
import { AWS, CLOUD_PLATFORM, FEDERATION } from '../../../../local/google/world/names.ts';
import { ask, bearer, form, jsonBody, transporterOptions } from '../redirect.ts';

const DRIVE = 'https://www.googleapis.com/auth/drive';

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
});
afterAll(() => google.close());

const clientOf = (email: string): OAuth2Client => {
  const client = new OAuth2Client({ transporterOptions: transporterOptions(google.origin) });
  client.setCredentials({ access_token: google.world.accessToken(email, [CLOUD_PLATFORM]) });
  return client;
};
const impersonating = (sourceEmail: string, targetPrincipal: string) =>
  new Impersonated({
    sourceClient: clientOf(sourceEmail),
    targetPrincipal,
    targetScopes: [DRIVE],
    transporterOptions: transporterOptions(google.origin),
  });
const iam = (email: string, method: string, body: unknown, caller = google.world.emails.runtime) =>
  ask(
    `${google.origin}/iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${email}:${method}`,
    jsonBody(body, bearer(google.world.accessToken(caller, [CLOUD_PLATFORM]))),
  );

describe('impersonation', () => {
  test('google-auth-library gets access and ID tokens of an account that it may impersonate', async () => {
    const { runtime, driveWriter } = google.world.emails;
    const client = impersonating(runtime, driveWriter);
    const { token } = await client.getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({ email: driveWriter, scopes: [DRIVE] });
    const idToken = await client.fetchIdToken('https://courier.example', { includeEmail: true });
    expect(decodeJwt(idToken)).toMatchObject({
      aud: 'https://courier.example',
      email: driveWriter,
      email_verified: true,
    });
    // The library always includes the email; the API does not.
    const { body } = await iam(driveWriter, 'generateIdToken', { audience: 'aud' });
    expect(decodeJwt(String(body.token)).email).toBeUndefined();
  });

  test('without Token Creator it is refused, once granted it works, once revoked it is refused again', async () => {
    const { exporter, driveWriter } = google.world.emails;
    const token = () => impersonating(exporter, driveWriter).getAccessToken();
    await expect(token()).rejects.toThrow(
      "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
    );
    google.world.grant(driveWriter, `serviceAccount:${exporter}`);
    await expect(token()).resolves.toHaveProperty('token');
    google.world.revokeGrant(driveWriter, `serviceAccount:${exporter}`);
    await expect(token()).rejects.toThrow('denied');
  });

  test('signJwt with a subject makes an assertion that the token endpoint takes: delegation without a key', async () => {
    const { driveWriter, alice } = google.world.emails;
    google.world.delegate(driveWriter, [DRIVE]);
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: driveWriter,
      sub: alice,
      scope: DRIVE,
      aud: 'https://oauth2.googleapis.com/token',
      iat,
      exp: iat + 3600,
    };
    const { body } = await iam(driveWriter, 'signJwt', { payload: JSON.stringify(claims) });
    const grant = await ask(
      `${google.origin}/oauth2.googleapis.com/token`,
      form({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: String(body.signedJwt) }),
    );
    expect(google.world.tokens.holderOf(String(grant.body.access_token), [])).toMatchObject({
      kind: 'user',
      email: alice,
    });
  });

  test('expireTime has no fraction of a second', async () => {
    const { body } = await iam(google.world.emails.driveWriter, 'generateAccessToken', {
      scope: [DRIVE],
      lifetime: '600s',
    });
    expect(body.expireTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test.each([
    ['an unknown account', 'no@local-project.iam.gserviceaccount.com', { scope: [DRIVE] }, 404],
    ['no scope', 'drive-writer@local-project.iam.gserviceaccount.com', { scope: [] }, 400],
    [
      'more than an hour',
      'drive-writer@local-project.iam.gserviceaccount.com',
      { scope: [DRIVE], lifetime: '7200s' },
      400,
    ],
    ['an unknown member', 'drive-writer@local-project.iam.gserviceaccount.com', { scope: [DRIVE], subject: 'x' }, 400],
  ])('refuses %s', async (_, email, body, status) => {
    expect((await iam(email, 'generateAccessToken', body)).status).toBe(status);
  });
});

describe('workload identity federation', () => {
  const file = (name: string) => JSON.parse(readFileSync(google.world.keyFiles[name] ?? '', 'utf8')) as never;
  const awsClient = (
    change: Partial<{ secretAccessKey: string; token: string }> = {},
    audience: string = FEDERATION.awsProvider,
  ) => {
    const { accessKeyId, secretAccessKey, sessionToken: token } = AWS;
    return new AwsClient({
      type: 'external_account',
      audience,
      subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
      token_url: `${google.origin}/sts.googleapis.com/v1/token`,
      aws_security_credentials_supplier: {
        getAwsRegion: async () => 'eu-central-1',
        getAwsSecurityCredentials: async () => ({ accessKeyId, secretAccessKey, token, ...change }),
      },
      scopes: [CLOUD_PLATFORM],
      transporterOptions: transporterOptions(google.origin),
    });
  };

  test('an AWS role’s signed request is exchanged for an ID token of the account that it may impersonate', async () => {
    const sourceClient = awsClient();
    const client = new Impersonated({
      sourceClient,
      targetPrincipal: google.world.emails.exporter,
      transporterOptions: transporterOptions(google.origin),
    });
    const idToken = await client.fetchIdToken('https://courier.example', { includeEmail: true });
    expect(decodeJwt(idToken)).toMatchObject({ email: google.world.emails.exporter, aud: 'https://courier.example' });
  });

  test('its credential file, with the environment of a Lambda, gives an access token', async () => {
    Object.assign(process.env, AWS_ENVIRONMENT);
    const client = ExternalAccountClient.fromJSON(file('external-account-aws'));
    if (client === null) throw new Error('not an external account');
    client.scopes = [DRIVE];
    const { token } = await client.getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({ email: google.world.emails.driveWriter });
  });

  test('an EC2 instance’s credential file, with its metadata service, gives an access token', async () => {
    for (const name of Object.keys(AWS_ENVIRONMENT)) delete process.env[name];
    const client = ExternalAccountClient.fromJSON(file('external-account-ec2'));
    if (client === null) throw new Error('not an external account');
    client.scopes = [DRIVE];
    const { token } = await client.getAccessToken();
    expect(google.world.tokens.holderOf(token ?? '', [])).toMatchObject({ email: google.world.emails.driveWriter });
    const credentials = `${google.origin}/_aws/latest/meta-data/iam/security-credentials/${AWS.role}`;
    expect((await ask(credentials)).status).toBe(401);
    expect((await ask(`${google.origin}/_aws/container-credentials`)).body).toMatchObject({
      AccessKeyId: AWS.accessKeyId,
    });
  });

  test.each([
    ['a wrong secret', () => awsClient({ secretAccessKey: 'wrong' }), 'SignatureDoesNotMatch'],
    ['a wrong session token', () => awsClient({ token: 'wrong' }), 'InvalidClientTokenId'],
    ['an unknown provider', () => awsClient({}, `${FEDERATION.awsProvider}-2`), 'invalid_target'],
    ['what is no provider', () => awsClient({}, '//iam.googleapis.com/projects/1/x'), 'invalid_request'],
    [
      'the name of a provider whose id is too short to exist',
      () => awsClient({}, FEDERATION.awsProvider.replace(/[^/]+$/, 'aws')),
      'invalid_request',
    ],
    [
      'the name of a pool whose id is too short to exist',
      () => awsClient({}, FEDERATION.awsProvider.replace(/Pools\/[^/]+/, 'Pools/aws')),
      'invalid_request',
    ],
  ])('refuses %s', async (_, client, message) => {
    await expect(client().getAccessToken()).rejects.toThrow(message);
  });

  test('a policy cannot refer to a pool whose ID is too short to exist', () => {
    const member = `principalSet://iam.googleapis.com/${FEDERATION.pool.replace(/[^/]+$/, 'aws')}/*`;
    expect(() => google.world.grant(google.world.emails.exporter, member)).toThrow('Identity Pool does not exist');
  });

  test('another role of the account may not impersonate the exporter', async () => {
    const identity = google.world.state.awsIdentities[0];
    if (identity === undefined) throw new Error('no AWS identity');
    const { arn } = identity;
    identity.arn = arn.replace(AWS.role, 'another-role');
    const client = new Impersonated({
      sourceClient: awsClient(),
      targetPrincipal: google.world.emails.exporter,
      transporterOptions: transporterOptions(google.origin),
    });
    await expect(client.fetchIdToken('aud')).rejects.toThrow('iam.serviceAccounts.getOpenIdToken');
    identity.arn = arn;
  });

  test('an OIDC token from a file is exchanged for an access token; a forged, expired or foreign one is not', async () => {
    const config = file('external-account-oidc') as { credential_source: { file: string } };
    const path = config.credential_source.file;
    const token = () => {
      const client = new IdentityPoolClient(config as never);
      client.scopes = [DRIVE];
      return client.getAccessToken();
    };
    const good = google.world.oidcToken();
    expect(google.world.tokens.holderOf((await token()).token ?? '', [])).toMatchObject({
      email: google.world.emails.driveWriter,
    });
    for (const [bad, message] of [
      [`${good.slice(0, -6)}AAAAAA`, 'invalid signature'],
      [google.world.oidcToken({ aud: 'https://elsewhere.example' }), 'does not match the expected audience'],
      [google.world.oidcToken({ exp: 1_700_000_000 }), 'stale'],
      [google.world.oidcToken({ iss: 'https://evil.example' }), 'The issuer in ID Token'],
      [google.world.oidcToken({ sub: 'another-workload' }), 'iam.serviceAccounts.getAccessToken'],
    ] as const) {
      writeFileSync(path, bad);
      await expect(token()).rejects.toThrow(message);
    }
    writeFileSync(path, good);
  });

  test('a federated token itself gives no access to Drive', async () => {
    const { token } = await awsClient().getAccessToken();
    const holder = google.world.tokens.holderOf(token ?? '', []);
    expect(holder?.kind).toBe('federated');
  });
});
