import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/config.ts';
import { checkSubscriptions } from '../../../src/doctor/checks/messages/subscriptions.ts';
import { createSubscriptionReader } from '../../../src/doctor/subscription/state.ts';
import { CourierError } from '../../../src/errors.ts';
import type { GoogleRequest } from '../../../src/google/transport.ts';

const NAME = 'projects/my-project/subscriptions/exports';
const OTHER = 'projects/my-project/subscriptions/others';
const AUDIENCE = 'https://drive-courier-123.europe-west1.run.app';
const PUSHER = 'pubsub-push@my-project.iam.gserviceaccount.com';

/** The response of `projects.subscriptions.get` for a correct subscription. */
const healthy = {
  name: NAME,
  topic: 'projects/my-project/topics/exports',
  pushConfig: {
    pushEndpoint: `${AUDIENCE}/v1/pubsub`,
    attributes: { 'x-goog-version': 'v1' },
    oidcToken: { serviceAccountEmail: PUSHER, audience: AUDIENCE },
  },
  ackDeadlineSeconds: 600,
  messageRetentionDuration: '604800s',
  expirationPolicy: {},
  deadLetterPolicy: { deadLetterTopic: 'projects/my-project/topics/failed', maxDeliveryAttempts: 20 },
  state: 'ACTIVE',
};
const withPush = (change: object) => ({ ...healthy, pushConfig: { ...healthy.pushConfig, ...change } });
const without = (member: string) => Object.fromEntries(Object.entries(healthy).filter(([name]) => name !== member));

const configOf = (document: object = {}) =>
  readConfig({
    K_SERVICE: 'drive-courier',
    COURIER_CONFIG: JSON.stringify({
      audiences: [AUDIENCE],
      destinations: { reports: { folder: 'folder-id', credentials: 'main', callers: ['a@example.com'] } },
      credentials: { main: { adc: true } },
      pubsub: { subscriptions: { [NAME]: { serviceAccount: PUSHER, destinations: ['reports'] } } },
      ...document,
    }),
  });

/** Pub/Sub as a table of responses. Requests that are not in the table get no response. */
const readerOf = (answers: Record<string, { status: number; body: object }>, asked: GoogleRequest[] = []) =>
  createSubscriptionReader(
    {
      transport: {
        async send(request) {
          asked.push(request);
          const answer = answers[request.url.replace('https://pubsub.googleapis.com/v1/', '')];
          if (answer === undefined) throw new CourierError('google-unavailable');
          return { status: answer.status, headers: {}, body: Buffer.from(JSON.stringify(answer.body)) };
        },
      },
      runtime: { token: async () => 'token', email: async () => undefined },
    },
    Date.now() + 10_000,
  );

const check = (body: object, document?: object) =>
  checkSubscriptions({ config: configOf(document) }, 'reports', {
    readSubscription: readerOf({ [NAME]: { status: 200, body } }),
    runtimeEmail: 'run@my-project.iam.gserviceaccount.com',
  });

describe('a correct subscription', () => {
  const rows: [string, object, object?][] = [
    ['as the documentation has it made', healthy],
    [
      'with the other address that Cloud Run gives a service',
      withPush({ pushEndpoint: 'https://drive-courier-a1b2c3d4e5-ew.a.run.app/v1/pubsub' }),
    ],
    [
      'in another region than the audience names',
      withPush({ pushEndpoint: 'https://drive-courier-123.northamerica-northeast1.run.app/v1/pubsub' }),
    ],
    ['with a function’s path', withPush({ pushEndpoint: `${AUDIENCE}/courier/v1/pubsub` })],
    [
      'with its endpoint for an audience, where that is one',
      withPush({ oidcToken: { serviceAccountEmail: PUSHER } }),
      { audiences: [`${AUDIENCE}/v1/pubsub`] },
    ],
    [
      'with an account in other letters',
      withPush({ oidcToken: { serviceAccountEmail: PUSHER.toUpperCase(), audience: AUDIENCE } }),
    ],
    ['with an explicit wrapper', withPush({ pubsubWrapper: {} })],
    [
      'with as much time as a delivery may take',
      { ...healthy, ackDeadlineSeconds: 60 },
      { limits: { requestSeconds: 60 } },
    ],
    [
      'behind IAP, whose audience is the proxy’s business',
      withPush({ oidcToken: { serviceAccountEmail: PUSHER, audience: 'client.apps' } }),
      { identity: 'iap', audiences: ['/projects/1/locations/europe-west1/services/drive-courier'] },
    ],
    [
      'at any host, where audiences are no addresses',
      withPush({
        pushEndpoint: 'https://courier.example/v1/pubsub',
        oidcToken: { serviceAccountEmail: PUSHER, audience: 'courier' },
      }),
      { audiences: ['courier'] },
    ],
  ];
  test.each(rows.map(([what, body, document = {}]) => [what, body, document] as const))(
    '%s',
    async (_, body, document) => {
      expect(await check(body, document)).toMatchObject({ check: 'subscriptions', result: 'passed' });
    },
  );
});

describe('an incorrect subscription', () => {
  test.each<[string, object, 'failed' | 'warned', RegExp]>([
    ['an account without an email', withPush({ oidcToken: {} }), 'failed', /pushes as {2}instead of pubsub-push@/],
    [
      'a state in which nothing is pushed',
      { ...healthy, state: 'RESOURCE_ERROR' },
      'failed',
      /is in the state RESOURCE_ERROR/,
    ],
    ['one that was detached', { ...healthy, detached: true }, 'failed', /was detached from its topic/],
    [
      'an endpoint that is no address',
      withPush({ pushEndpoint: 'courier' }),
      'failed',
      /pushes to courier instead of \/v1\/pubsub/,
    ],
    ...[
      'drive-courier-1.example',
      'drive-courier-evil-123.europe-west1.run.app',
      'drive-courier-evil-a1b2c3d4e5-ew.a.run.app',
      'drive-courier-evil.europe-west1.run.app',
      'drive-courier-123.europe-west1.evil.run.app',
      'drive-courier-123.europe-west1.run.app.example',
      'drive-courier-a1b2c3d4e5-ew.run.app',
    ].map((host): [string, object, 'warned', RegExp] => [
      `an endpoint that only looks like this service: ${host}`,
      withPush({ pushEndpoint: `https://${host}/v1/pubsub` }),
      'warned',
      new RegExp(`pushes to ${host.replaceAll('.', '\\.')},`),
    ]),
    [
      'an audience in other letters',
      withPush({ oidcToken: { serviceAccountEmail: PUSHER, audience: AUDIENCE.toUpperCase() } }),
      'failed',
      /makes tokens for HTTPS/,
    ],
    [
      'an audience with a slash too many',
      withPush({ oidcToken: { serviceAccountEmail: PUSHER, audience: `${AUDIENCE}/` } }),
      'failed',
      /makes tokens for/,
    ],
    [
      'less time than a delivery may take',
      { ...healthy, ackDeadlineSeconds: 599 },
      'warned',
      /deadline of 599 s, .* may take 600 s/,
    ],
    ['a policy of expiration that is not specified', without('expirationPolicy'), 'warned', /31 days without use/],
    ['a deadline that is not specified', without('ackDeadlineSeconds'), 'warned', /deadline of 10 s/],
    ['no dead-letter policy', without('deadLetterPolicy'), 'warned', /no dead-letter policy/],
  ])('%s', async (_, body, result, detail) => {
    expect(await check(body)).toMatchObject({ result, detail: expect.stringMatching(detail) });
  });

  test('all problems are reported at once, with the worst severity and one command', async () => {
    const { result, detail, remedy } = await check({
      ...withPush({ noWrapper: {}, oidcToken: undefined }),
      ackDeadlineSeconds: 10,
    });
    expect(result).toBe('failed');
    expect(detail).toMatch(
      /pushes without a token.*; it pushes without the wrapper.*; it has an acknowledgement deadline of 10 s/,
    );
    expect(remedy).toBe(
      `gcloud pubsub subscriptions update exports --project=my-project --push-endpoint=${AUDIENCE}/v1/pubsub --push-auth-service-account=${PUSHER} --push-auth-token-audience=${AUDIENCE} --clear-push-no-wrapper-config --ack-deadline=600`,
    );
  });
});

describe('several subscriptions', () => {
  const both = {
    pubsub: {
      subscriptions: {
        [NAME]: { serviceAccount: PUSHER, destinations: ['reports'] },
        [OTHER]: { serviceAccount: PUSHER, destinations: ['reports'] },
      },
    },
  };
  const look = (answers: Parameters<typeof readerOf>[0]) =>
    checkSubscriptions({ config: configOf(both) }, 'reports', {
      readSubscription: readerOf(answers),
      runtimeEmail: undefined,
    });
  const seen = { status: 200, body: healthy };

  test('an incorrect one and an invisible one do not hide each other', async () => {
    const found = await look({ [NAME]: { status: 404, body: {} }, [OTHER]: { status: 403, body: {} } });
    expect(found.result).toBe('failed');
    expect(found.detail).toContain(`${NAME} does not exist.`);
    expect(found.detail).toMatch(/^Not checked: the courier is not allowed to read \S+others/);
  });

  test('a correct one does not vouch for the other', async () => {
    expect(await look({ [NAME]: seen })).toMatchObject({
      result: 'skipped',
      detail: `Not checked: Pub/Sub does not answer for ${OTHER}.`,
    });
    expect(await look({ [NAME]: seen, [OTHER]: seen })).toMatchObject({ result: 'passed' });
  });
});

test('Pub/Sub is called once for each, with its full name and the courier’s own token', async () => {
  const asked: GoogleRequest[] = [];
  const name = 'projects/my-project/subscriptions/a?b#c%2e';
  const see = readerOf({}, asked);
  expect([await see(name), await see(name)]).toEqual([{ unknown: 'unanswered' }, { unknown: 'unanswered' }]);
  expect(asked).toMatchObject([
    {
      method: 'GET',
      url: 'https://pubsub.googleapis.com/v1/projects/my-project/subscriptions/a%3Fb%23c%252e',
      headers: { authorization: 'Bearer token' },
    },
  ]);
});

test('a response that is not a subscription is ignored', async () => {
  const see = readerOf({ [NAME]: { status: 200, body: { pushConfig: 7 } }, [OTHER]: { status: 500, body: {} } });
  expect([await see(NAME), await see(OTHER)]).toEqual([{ unknown: 'unanswered' }, { unknown: 'unanswered' }]);
});
