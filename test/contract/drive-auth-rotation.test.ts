import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LocalGoogle } from '../../local/google/server.ts';
import { DRIVE } from '../../local/google/world/names.ts';
import { createWitness, openAuth, refusalOf, startRuntime } from './drive-auth/harness.ts';
import { inSecret } from './drive-auth/ways.ts';

let google: LocalGoogle;
let close: () => Promise<void>;
/** Added to the machine's clock for all parties. */
let aheadMs = 0;
const now = (): number => Date.now() + aheadMs;
const witness = createWitness(now);

beforeAll(async () => {
  ({ google, close } = await startRuntime(witness, { now }));
});
afterAll(() => close());

const key = (name = 'courier'): Buffer => readFileSync(google.world.keyFiles[name] ?? '');
let count = 0;
/** A fresh secret with one version in it. */
const newSecret = (bytes: Buffer) => {
  const short = `rotated-${++count}`;
  return { short, secret: inSecret(google, short, bytes) };
};
const accessed = (short: string): number =>
  google.calls.count({ host: 'secretmanager.googleapis.com', path: new RegExp(`/${short}/`) });
const actorOf = (token: string) => google.world.tokens.holderOf(token, []);

describe('a new version of the secret', () => {
  test('is used within cacheSeconds, and until then Secret Manager is not called', async () => {
    const { short, secret } = newSecret(key('courier'));
    const auth = openAuth(google, witness, { secret, cacheSeconds: 100 });
    const first = await auth.token();
    inSecret(google, short, key('stranger'));
    aheadMs += 70_000;
    expect([await auth.token(), accessed(short)]).toEqual([first, 1]);
    aheadMs += 31_000;
    expect(actorOf(await auth.token())).toMatchObject({ email: google.world.emails.stranger });
    expect([auth.account(), accessed(short)]).toEqual([google.world.emails.stranger, 2]);
    expect(witness.lines.join('')).toContain('The key has changed');
  });

  test('is used at once when Google rejects the old key', async () => {
    const { courier } = google.world.emails;
    const old = await google.world.addKey(courier);
    const { short, secret } = newSecret(Buffer.from(JSON.stringify(old)));
    const auth = openAuth(google, witness, { secret, cacheSeconds: 86_400 });
    const first = await auth.token();
    const fresh = await google.world.addKey(courier);
    inSecret(google, short, Buffer.from(JSON.stringify(fresh)));
    google.world.deleteKey(courier, old.private_key_id);
    auth.rejected(first);
    expect(actorOf(await auth.token())).toMatchObject({ email: courier, scopes: [DRIVE] });
    await auth.token();
    expect(accessed(short)).toBe(2);
  });

  test('is used after an event that names the secret, and the old token is dropped too', async () => {
    const { short, secret } = newSecret(key('courier'));
    const auth = openAuth(google, witness, { secret, cacheSeconds: 86_400 });
    await auth.token();
    inSecret(google, short, key('stranger'));
    auth.rotated(`${secret}/versions/2`);
    expect(actorOf(await auth.token())).toMatchObject({ email: google.world.emails.stranger });
  });

  test('is not used if the configuration pins another one', async () => {
    const { short, secret } = newSecret(key('courier'));
    const auth = openAuth(google, witness, { secret: `${secret}/versions/1`, cacheSeconds: 10 });
    await auth.token();
    inSecret(google, short, key('stranger'));
    aheadMs += 11_000;
    expect(actorOf(await auth.token())).toMatchObject({ email: google.world.emails.courier });
  });

  test('is used as soon as an alias refers to it', async () => {
    const { short, secret } = newSecret(key('courier'));
    inSecret(google, short, key('stranger'));
    google.world.secrets.setAlias(short, 'blue', 1);
    const auth = openAuth(google, witness, { secret: `${secret}/versions/blue`, cacheSeconds: 10 });
    expect(actorOf(await auth.token())).toMatchObject({ email: google.world.emails.courier });
    google.world.secrets.setAlias(short, 'blue', 2);
    aheadMs += 11_000;
    expect(actorOf(await auth.token())).toMatchObject({ email: google.world.emails.stranger });
  });

  test('that was added after a failure is found a moment later, without a restart', async () => {
    const { short, secret } = newSecret(Buffer.from('not yet'));
    const auth = openAuth(google, witness, { secret });
    expect(await refusalOf(auth, witness)).toMatchObject({ code: 'key-invalid' });
    const asked = accessed(short);
    // Many concurrent requests cause few calls to Secret Manager.
    await Promise.allSettled(Array.from({ length: 20 }, () => auth.token()));
    expect(accessed(short)).toBe(asked);
    inSecret(google, short, key('courier'));
    aheadMs += 3_100;
    expect(actorOf(await auth.token())).toMatchObject({ email: google.world.emails.courier });
  });
});

describe('an unavailable Secret Manager', () => {
  test('keeps the cached key in use, but only for a limited time', async () => {
    const { secret } = newSecret(key('courier'));
    const auth = openAuth(google, witness, { secret, cacheSeconds: 60 });
    const first = await auth.token();
    google.faults.add({ host: 'secretmanager.googleapis.com', fault: { kind: 'status', status: 503 } });
    try {
      aheadMs += 61_000;
      expect(await auth.token()).toBe(first);
      aheadMs += 3_600_000;
      expect(await refusalOf(auth, witness)).toMatchObject({ code: 'google-unavailable', retryable: true });
    } finally {
      google.faults.clear();
    }
  });
});

describe('an unusable secret', () => {
  const document = (change: object): Buffer =>
    Buffer.from(JSON.stringify({ ...(JSON.parse(key().toString()) as object), ...change }));
  const { secrets } = { secrets: () => google.world.secrets };

  test.each([
    ['disabled', (short: string) => secrets().setState(short, 1, 'DISABLED'), 'secret-not-found', 'Create or enable'],
    ['destroyed', (short: string) => secrets().setState(short, 1, 'DESTROYED'), 'secret-not-found', 'Create or enable'],
    ['damaged on its way', (short: string) => secrets().corrupt(short, 1), 'secret-corrupt', 'new version'],
    [
      'not to be read',
      (short: string) => secrets().deny(short, google.world.emails.runtime),
      'secret-forbidden',
      'roles/secretmanager.secretAccessor',
    ],
  ] as const)('%s', async (_, damage, code, remedy) => {
    const { short, secret } = newSecret(key());
    damage(short);
    const refusal = await refusalOf(openAuth(google, witness, { secret }), witness);
    expect(refusal).toMatchObject({ code, retryable: false });
    expect(refusal.remedy).toContain(remedy);
    expect(refusal.remedy).toContain(short);
  });

  test.each([
    ['of another type', () => Buffer.from('{"type": "gdch_service_account"}'), '"type" is not one of'],
    ['of no type', () => Buffer.from('{"installed": {"client_id": "x"}}'), '"type" is not one of'],
    ['no JSON', () => Buffer.from('-----BEGIN PRIVATE KEY-----\nMIIEv\n'), 'not JSON'],
    ['JSON, but no object', () => Buffer.from('"key"'), 'not a JSON object'],
    ['not in UTF-8', () => Buffer.from([0xff, 0xfe, 0x7b]), 'not JSON'],
    ['empty', () => Buffer.alloc(0), 'empty'],
    ['oversized', () => Buffer.alloc(65_537, ' '), '65537 bytes'],
    [
      'a key that is no PEM',
      () => document({ private_key: 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC' }),
      'not an RSA private key',
    ],
    [
      'a key cut in the middle',
      () => document({ private_key: String(JSON.parse(key().toString()).private_key).slice(0, 600) }),
      'not an RSA private key',
    ],
    ['without an account', () => document({ client_email: undefined }), '"client_email"'],
    ['of "universe_domain"', () => document({ universe_domain: 'example.cloud' }), '"universe_domain"'],
  ] as [string, () => Buffer, string][])('%s', async (_, bytes, words) => {
    const { secret } = newSecret(bytes());
    const refusal = await refusalOf(openAuth(google, witness, { secret }), witness);
    expect(refusal).toMatchObject({ code: 'key-invalid', retryable: false });
    expect(refusal.detail).toContain(words);
  });

  test('that does not exist', async () => {
    google.world.grantOnProject(`serviceAccount:${google.world.emails.runtime}`, 'roles/secretmanager.secretAccessor');
    const secret = `projects/${google.world.project.id}/secrets/nowhere`;
    const refusal = await refusalOf(openAuth(google, witness, { secret }), witness);
    expect(refusal).toMatchObject({ code: 'secret-not-found' });
    expect(refusal.remedy).toContain(`${secret}/versions/latest`);
  });

  test('because the API is off', async () => {
    const { secret } = newSecret(key());
    google.world.disableApi('secretmanager.googleapis.com');
    const refusal = await refusalOf(openAuth(google, witness, { secret }), witness);
    google.world.enableApi('secretmanager.googleapis.com');
    expect(refusal).toMatchObject({ code: 'secret-forbidden' });
    expect(refusal.remedy).toContain('gcloud services enable secretmanager.googleapis.com');
  });
});

test('the output contains no key, token or assertion', () => {
  witness.sawSecretsIn(key().toString());
  const printed = witness.lines.join('');
  expect(witness.secrets.size).toBeGreaterThan(30);
  expect([...witness.secrets].filter((secret) => printed.includes(secret))).toEqual([]);
});
