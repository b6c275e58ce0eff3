import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { AWS_ENVIRONMENT } from '../../../local/google/world/key-files.ts';
import { CLOUD_PLATFORM, DRIVE } from '../../../local/google/world/names.ts';
import { PLACES, RIGHTS, rightsTable } from '../../../scripts/rights-matrix.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';

/** Every kind of credentials × every kind of folder, through a real courier over a socket. */

let google: LocalGoogle;
let courier: CourierProcess;

const credentials = (): Record<string, object> => {
  const { secret, keyFiles, emails } = google.world;
  return {
    key: { secret: `${secret}/versions/latest` },
    'key-subject': { file: keyFiles.courier, subject: emails.alice },
    person: { file: keyFiles['authorized-user-alice'] },
    federation: { file: keyFiles['external-account-aws'] },
    'impersonated-file': { file: keyFiles['impersonated-service-account'] },
    impersonate: { impersonate: emails.driveWriter },
    'impersonate-subject': { impersonate: emails.driveWriter, subject: emails.alice },
    adc: { adc: true },
  };
};

beforeAll(async () => {
  google = await startLocalGoogle();
  const { emails } = google.world;
  google.world.delegate(emails.courier, [DRIVE]);
  google.world.delegate(emails.driveWriter, [DRIVE]);
  const ways = Object.entries(credentials());
  const destinations = ways.flatMap(([way]) =>
    PLACES.map((place) => [
      `${way}.${place}`,
      { folder: google.places[place], credentials: way, callers: [emails.exporter] },
    ]),
  );
  const config = { destinations: Object.fromEntries(destinations), credentials: Object.fromEntries(ways) };
  courier = await startCourierIn(google, { config, env: AWS_ENVIRONMENT });
}, 60_000);
afterAll(async () => {
  await courier?.stop();
  await google?.close();
});

const BYTES = 'day,orders\r\n2026-11-24,7\r\n';

const deliver = async (destination: string): Promise<{ status: number; body: Record<string, unknown> }> => {
  const token = google.world.idToken({ email: google.world.emails.exporter, audience: AUDIENCE });
  const query = new URLSearchParams({ name: `${destination}.csv`, destination });
  const response = await fetch(`${courier.url}/v1/files?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
    body: BYTES,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

/** The creator of the file according to Drive. */
const ACTORS: Readonly<Record<string, 'courier' | 'driveWriter' | 'runtime' | 'alice'>> = {
  key: 'courier',
  'key-subject': 'alice',
  person: 'alice',
  federation: 'driveWriter',
  'impersonated-file': 'driveWriter',
  impersonate: 'driveWriter',
  'impersonate-subject': 'alice',
  adc: 'runtime',
};

const CELLS = RIGHTS.filter(({ id }) => id !== 'adc-scopeless').flatMap(({ id, outcomes }) =>
  PLACES.map((place) => [id, place, outcomes[place]] as const),
);

describe('a delivery with each kind of credentials to each kind of folder', () => {
  test.each(CELLS)('%s → %s: %s', async (id, place, outcome) => {
    const { status, body } = await deliver(`${id}.${place}`);
    const actor = google.world.emails[ACTORS[id] ?? 'bob'];
    if (outcome === 'created') {
      expect([status, body.outcome]).toEqual([201, 'created']);
      const stored = google.drive.files().find((file) => file.id === body.id);
      expect(stored).toMatchObject({ size: BYTES.length, parents: [google.places[place]] });
      return;
    }
    expect([status, body.code, body.retryable]).toEqual([502, outcome, false]);
    // A useful remedy names the account to share with.
    if (outcome === 'folder-not-found')
      expect(body.remedy).toContain(ACTORS[id] === 'alice' && id === 'person' ? '' : actor);
    expect(google.drive.files().filter(({ name }) => name === `${id}.${place}.csv`)).toEqual([]);
  });
});

describe('a platform that ignores the requested scopes', () => {
  test.each(PLACES)('adc → %s: scope-insufficient, with the remedy', async (place) => {
    google.world.setMetadata({ honoursScopes: false, scopes: [CLOUD_PLATFORM] });
    const { emails } = google.world;
    const other = await startCourierIn(google, {
      config: {
        destinations: { d: { folder: google.places[place], credentials: 'main', callers: [emails.exporter] } },
        credentials: { main: { adc: true } },
      },
    });
    try {
      const token = google.world.idToken({ email: emails.exporter, audience: AUDIENCE });
      const response = await fetch(`${other.url}/v1/files?name=x.csv`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
        body: BYTES,
      });
      const body = (await response.json()) as Record<string, unknown>;
      const expected = RIGHTS.find(({ id }) => id === 'adc-scopeless')?.outcomes[place];
      expect([response.status, body.code]).toEqual([502, expected]);
      expect(body.remedy).toContain('"impersonate"');
    } finally {
      await other.stop();
      google.world.setMetadata({ honoursScopes: true });
    }
  });
});

test('the table in docs/credentials.md matches these results', () => {
  const page = readFileSync(new URL('../../../docs/credentials.md', import.meta.url), 'utf8');
  expect(page).toContain(rightsTable());
});

test('the courier’s output contains no key, token or assertion', async () => {
  const { keyFiles } = google.world;
  const key = JSON.parse(readFileSync(keyFiles.courier ?? '', 'utf8')) as { private_key: string };
  const person = JSON.parse(readFileSync(keyFiles['authorized-user-alice'] ?? '', 'utf8')) as Record<string, string>;
  const secrets = [
    ...key.private_key.split('\n').filter((line) => line.length > 40),
    person.refresh_token,
    person.client_secret,
    AWS_ENVIRONMENT.AWS_SECRET_ACCESS_KEY,
    AWS_ENVIRONMENT.AWS_SESSION_TOKEN,
  ];
  const printed = courier.lines.join('\n');
  expect(courier.lines.length).toBeGreaterThan(CELLS.length);
  expect(secrets.filter((secret) => secret !== undefined && printed.includes(secret))).toEqual([]);
  expect(printed).not.toMatch(/ya29\.[\w.-]{20}|eyJ[\w-]{20,}\.[\w-]{20,}/);
});
