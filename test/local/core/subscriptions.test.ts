import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { CLOUD_PLATFORM } from '../../../local/google/world/names.ts';

const NAME = 'projects/local-project/subscriptions/exports';
const MISSING = 'projects/local-project/subscriptions/no-such-subscription';

let google: LocalGoogle;
beforeAll(async () => {
  google = await startLocalGoogle();
  google.pubsub.createSubscription(
    {
      name: NAME,
      topic: 'projects/local-project/topics/exports',
      pushConfig: { pushEndpoint: 'https://courier.example/v1/pubsub' },
    },
    [google.world.emails.courier],
  );
});
afterAll(() => google.close());

const ask = async (name: string, email: string, { method = 'GET', scope = CLOUD_PLATFORM } = {}) => {
  const response = await fetch(`${google.origin}/pubsub.googleapis.com/v1/${name}`, {
    method,
    headers: { authorization: `Bearer ${google.world.accessToken(email, [scope])}` },
  });
  return { status: response.status, body: (await response.json()) as unknown };
};

test('a subscription has Pub/Sub’s defaults, for those who may view it or the project', async () => {
  const { courier, exporter, ops } = google.world.emails;
  const expected = {
    status: 200,
    body: {
      name: NAME,
      topic: 'projects/local-project/topics/exports',
      pushConfig: { pushEndpoint: 'https://courier.example/v1/pubsub', attributes: { 'x-goog-version': 'v1' } },
      ackDeadlineSeconds: 10,
      messageRetentionDuration: '604800s',
      expirationPolicy: { ttl: '2678400s' },
      state: 'ACTIVE',
    },
  };
  expect(await ask(NAME, courier)).toEqual(expected);
  expect(await ask(NAME, ops)).toEqual(expected);
  google.world.grantOnProject(`serviceAccount:${exporter}`, 'roles/pubsub.viewer');
  expect(await ask(NAME, exporter)).toEqual(expected);
});

test('others get 403, whether it exists or not; those who may list the project’s subscriptions get 404', async () => {
  const { runtime, courier, ops } = google.world.emails;
  const refused = { error: { code: 403, message: 'User not authorized to perform this action.' } };
  expect(await ask(NAME, runtime)).toMatchObject({ status: 403, body: refused });
  expect(await ask(MISSING, courier)).toMatchObject({ status: 403, body: refused });
  expect(await ask(MISSING, ops)).toMatchObject({
    status: 404,
    body: { error: { status: 'NOT_FOUND', message: 'Resource not found (resource=no-such-subscription).' } },
  });
  expect(await ask(NAME.replace('local-project', 'other-project'), ops)).toMatchObject({ status: 403 });
});

test('the token needs a scope for Pub/Sub, and methods that are not here are 501', async () => {
  const { courier, ops } = google.world.emails;
  const scope = 'https://www.googleapis.com/auth/drive';
  expect(await ask(NAME, courier, { scope })).toMatchObject({ status: 403 });
  expect(await ask(NAME, ops, { method: 'DELETE' })).toMatchObject({ status: 501 });
  expect(await ask('projects/local-project/subscriptions', ops)).toMatchObject({ status: 501 });
});

test.each([
  ['a deadline over ten minutes', { ackDeadlineSeconds: 601 }],
  ['an expiration within a day', { expirationPolicy: { ttl: '3600s' } }],
  [
    'fewer than five attempts',
    { deadLetterPolicy: { deadLetterTopic: 'projects/local-project/topics/failed', maxDeliveryAttempts: 4 } },
  ],
  ['an endpoint without TLS', { pushConfig: { pushEndpoint: 'http://courier.example/v1/pubsub' } }],
  ['two wrappers', { pushConfig: { pubsubWrapper: {}, noWrapper: {} } }],
  ['a name of Google’s own', { name: 'projects/local-project/subscriptions/google' }],
])('it takes no subscription with %s', (_, change) => {
  const subscription = { name: NAME, topic: 'projects/local-project/topics/exports', ...change };
  expect(() => google.pubsub.createSubscription(subscription)).toThrow();
});
