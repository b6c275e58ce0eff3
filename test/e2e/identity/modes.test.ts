import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';

/** Tests `identity:` in a real process over a socket: what each mode trusts, and what it reports about that. */

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
});
afterAll(() => google?.close());

const running: CourierProcess[] = [];
afterEach(async () => {
  for (const courier of running.splice(0)) await courier.stop();
});

const PROXIED = '/projects/123456789012/locations/europe-west3/services/courier';

const start = async (identity: string | undefined, env: Record<string, string> = {}): Promise<CourierProcess> => {
  const { emails, secret } = google.world;
  const courier = await startCourierIn(google, {
    env,
    config: {
      ...(identity === undefined ? {} : { identity }),
      audiences: [identity === 'iap' ? PROXIED : AUDIENCE],
      destinations: {
        reports: { folder: google.places.sharedDrive, credentials: 'main', callers: [emails.exporter, emails.alice] },
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
    },
  });
  running.push(courier);
  return courier;
};
const CLOUD_RUN = { K_SERVICE: 'courier', K_REVISION: 'courier-1', K_CONFIGURATION: 'courier' };

const token = (claims: { email?: string; audience?: string; lifetimeSeconds?: number } = {}): string =>
  google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE, ...claims });
/** As Cloud Run forwards it after checking it. */
const stripped = (text = token()): string => text.replace(/[^.]+$/, 'SIGNATURE_REMOVED_BY_GOOGLE');
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

const ask = async (courier: CourierProcess, headers: Record<string, string>) => {
  const response = await fetch(`${courier.url}/v1/destinations`, { headers });
  const body = (await response.json()) as { code?: string; remedy?: string; destinations?: unknown[] };
  return { status: response.status, ...body };
};

describe('the default, id-token', () => {
  test('accepts a signature, and for a token without one names the mode that would accept it', async () => {
    const courier = await start(undefined, CLOUD_RUN);
    expect(await ask(courier, bearer(token()))).toMatchObject({ status: 200, destinations: [{ name: 'reports' }] });
    const refused = await ask(courier, bearer(stripped()));
    expect(refused).toMatchObject({ status: 401, code: 'token-invalid' });
    expect(refused.remedy).toContain('cloud-run-iam');
    expect(courier.lines.join('\n')).not.toContain('accepts tokens without a signature');
  }, 60_000);

  test('reads no other header', async () => {
    const courier = await start(undefined, CLOUD_RUN);
    const { alice } = google.world.emails;
    const others = {
      'x-serverless-authorization': `Bearer ${token()}`,
      'x-goog-iap-jwt-assertion': google.world.iapToken({ email: alice, audience: AUDIENCE }),
      'x-goog-authenticated-user-email': `accounts.google.com:${alice}`,
    };
    expect(await ask(courier, others)).toMatchObject({ status: 401, code: 'token-missing' });
  }, 60_000);
});

describe('cloud-run-iam', () => {
  test('logs at startup what it trusts, and accepts a token whose signature the platform removed', async () => {
    const courier = await start('cloud-run-iam', CLOUD_RUN);
    const output = courier.lines.find((line) => line.includes('accepts tokens without a signature'));
    expect(output).toContain('must require authentication');
    expect(await ask(courier, bearer(stripped()))).toMatchObject({ status: 200, destinations: [{ name: 'reports' }] });
    expect(await ask(courier, bearer(token()))).toMatchObject({ status: 200 });
  }, 60_000);

  test('still checks its audience, time and policy, and the signature of a complete token', async () => {
    const courier = await start('cloud-run-iam', CLOUD_RUN);
    const { stranger } = google.world.emails;
    expect(await ask(courier, bearer(stripped(token({ audience: 'https://elsewhere.example' }))))).toMatchObject({
      status: 401,
      code: 'token-audience',
    });
    expect(await ask(courier, bearer(stripped(token({ lifetimeSeconds: -3600 }))))).toMatchObject({ status: 401 });
    expect(await ask(courier, bearer(stripped(token({ email: stranger }))))).toMatchObject({ destinations: [] });
    expect(await ask(courier, bearer(token().replace(/[^.]+$/, 'A'.repeat(342))))).toMatchObject({
      status: 401,
      code: 'token-invalid',
    });
  }, 60_000);

  test('never accepts X-Serverless-Authorization, nor Authorization beside it: the platform checked the other one', async () => {
    const courier = await start('cloud-run-iam', CLOUD_RUN);
    const serverless = { 'x-serverless-authorization': `Bearer ${stripped()}` };
    expect(await ask(courier, serverless)).toMatchObject({ status: 401, code: 'token-missing' });
    const forged = stripped(token({ email: google.world.emails.alice }));
    expect(await ask(courier, { ...serverless, ...bearer(forged) })).toMatchObject({
      status: 401,
      code: 'token-invalid',
    });
  }, 60_000);

  test.each(['gke', 'compute-engine'] as const)(
    'does not trust K_SERVICE: on Knative beside the metadata server of %s a token without a signature is rejected',
    async (platform) => {
      google.world.setMetadata({ platform });
      try {
        const courier = await start('cloud-run-iam', CLOUD_RUN);
        expect(await ask(courier, bearer(stripped()))).toMatchObject({ status: 401, code: 'token-invalid' });
        expect(await ask(courier, bearer(token()))).toMatchObject({ status: 200 });
        const warned = courier.lines.find((line) => line.includes('according to the metadata server'));
        expect(warned).toContain('"severity":"WARNING"');
      } finally {
        google.world.setMetadata({ platform: 'cloud-run' });
      }
    },
    60_000,
  );

  test('does not trust K_SERVICE if no metadata server responds, and logs it', async () => {
    const courier = await start('cloud-run-iam', { ...CLOUD_RUN, GCE_METADATA_HOST: '127.0.0.1:9' });
    const refused = await ask(courier, bearer(stripped()));
    expect(refused).toMatchObject({ status: 503, code: 'google-unavailable' });
    expect(await ask(courier, bearer(token()))).toMatchObject({ status: 200 });
  }, 60_000);

  test('falls back to id-token with a warning if nothing indicates Cloud Run', async () => {
    const courier = await start('cloud-run-iam');
    expect(courier.lines.find((line) => line.includes('K_SERVICE'))).toContain('"severity":"WARNING"');
    expect(await ask(courier, bearer(stripped()))).toMatchObject({ status: 401, code: 'token-invalid' });
    expect(await ask(courier, bearer(token()))).toMatchObject({ status: 200 });
  }, 60_000);
});

describe('iap', () => {
  test('accepts only the proxy’s signed header for its own audience', async () => {
    const courier = await start('iap', CLOUD_RUN);
    const { alice, stranger } = google.world.emails;
    const assertion = (email: string, audience = PROXIED) => ({
      'x-goog-iap-jwt-assertion': google.world.iapToken({ email, audience }),
    });
    expect(await ask(courier, assertion(alice))).toMatchObject({ status: 200, destinations: [{ name: 'reports' }] });
    expect(await ask(courier, assertion(stranger))).toMatchObject({ status: 200, destinations: [] });
    const elsewhere = assertion(alice, PROXIED.replace('courier', 'other'));
    expect(await ask(courier, elsewhere)).toMatchObject({ status: 401, code: 'token-audience' });
    expect(await ask(courier, bearer(token()))).toMatchObject({ status: 401 });
    const unsigned = { 'x-goog-authenticated-user-email': `accounts.google.com:${alice}` };
    expect(await ask(courier, unsigned)).toMatchObject({ status: 401, code: 'token-missing' });
    const asAnIdToken = { 'x-goog-iap-jwt-assertion': token({ audience: PROXIED }) };
    expect(await ask(courier, asAnIdToken)).toMatchObject({ status: 401, code: 'token-invalid' });
  }, 60_000);
});
