import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../local/google/world/names.ts';

const AHEAD_MS = 3_600_000;

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle({ now: () => Date.now() + AHEAD_MS });
});
afterAll(() => google.close());

const testPermissions = async (topic: string, email: string, permissions: string[], scope = CLOUD_PLATFORM) => {
  const response = await fetch(`${google.origin}/pubsub.googleapis.com/v1/${topic}:testIamPermissions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${google.world.accessToken(email, [scope])}` },
    body: JSON.stringify({ permissions }),
  });
  return { status: response.status, body: (await response.json()) as { permissions?: string[] } };
};

test('testIamPermissions answers which of the permissions the caller has, and none of a topic that does not exist', async () => {
  const { runtime, stranger } = google.world.emails;
  const asked = ['pubsub.topics.publish', 'pubsub.topics.delete'];
  expect(await testPermissions(google.topic, runtime, asked)).toEqual({
    status: 200,
    body: { permissions: ['pubsub.topics.publish'] },
  });
  expect(await testPermissions(google.topic, stranger, asked)).toEqual({ status: 200, body: {} });
  const missing = 'projects/local-project/topics/no-such-topic';
  expect(await testPermissions(missing, runtime, asked)).toEqual({ status: 200, body: {} });
});

test('it rejects wildcards, and tokens without a scope for Pub/Sub', async () => {
  const { runtime } = google.world.emails;
  expect(await testPermissions(google.topic, runtime, ['pubsub.*'])).toMatchObject({ status: 400 });
  const other = 'https://www.googleapis.com/auth/drive';
  expect(await testPermissions(google.topic, runtime, ['pubsub.topics.publish'], other)).toMatchObject({ status: 403 });
});

test.each(['/oauth2.googleapis.com/tokeninfo', '/www.googleapis.com/oauth2/v3/certs', '/nowhere.googleapis.com/'])(
  'the Date header of %s is this Google’s own clock',
  async (path) => {
    const { headers } = await fetch(`${google.origin}${path}`);
    const offMs = Date.parse(headers.get('date') ?? '') - (Date.now() + AHEAD_MS);
    expect(Math.abs(offMs)).toBeLessThan(60_000);
  },
);
