import { SUBSCRIPTION } from '../../../../local/google/world/names.ts';
import { AUDIENCE, type World } from '../../visit.ts';
import { ENDPOINT, pushing, QUEUE, queue } from './queue.ts';

const PUSH =
  /^gcloud pubsub subscriptions update exports --project=local-project --push-endpoint=https:\/\/courier\.example\/v1\/pubsub --push-auth-service-account=pubsub-push@local-project\.iam\.gserviceaccount\.com --push-auth-token-audience=https:\/\/courier\.example$/;

/** Subscriptions that do not push as the courier needs it. */
export const SUBSCRIPTION_WORLDS: readonly World[] = [
  {
    name: 'the subscription does not exist',
    arrange: (google, document) => {
      queue(google, document);
      const { emails } = google.world;
      google.world.grantOnProject(`serviceAccount:${emails.runtime}`, 'roles/pubsub.viewer');
      document.pubsub = {
        subscriptions: { [`${SUBSCRIPTION}-2`]: { serviceAccount: emails.pubsubPush, destinations: ['reports'] } },
        deadLetterTopic: google.topic,
      };
    },
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /^projects\/local-project\/subscriptions\/exports-2 does not exist\.$/,
        remedy:
          /^gcloud pubsub subscriptions create exports-2 --project=local-project --topic=TOPIC --push-endpoint=https:\/\/courier\.example\/v1\/pubsub .*--push-auth-token-audience=https:\/\/courier\.example --ack-deadline=600 --expiration-period=never --dead-letter-topic=projects\/local-project\/topics\/exports-failed --max-delivery-attempts=20; and allow Pub\/Sub's own account .*; or correct its name/,
      },
    },
  },
  {
    name: 'the courier is not allowed to read the subscription',
    arrange: (google, document) => {
      queue(google, document);
      document.pubsub = JSON.parse(JSON.stringify(document.pubsub).replaceAll('/exports"', '/exports-2"'));
    },
    finds: {
      ...QUEUE,
      pubsub: { ...QUEUE.pubsub, detail: /ledger is in memory/ },
      subscriptions: {
        result: 'skipped',
        detail:
          /^Not checked: runtime@local-project\S+ is not allowed to read projects\/\S+\/exports-2, or it does not exist\./,
        remedy:
          /^gcloud pubsub subscriptions describe exports-2 --project=local-project; gcloud pubsub subscriptions add-iam-policy-binding exports-2 --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/pubsub\.viewer$/,
      },
    },
  },
  {
    name: 'Pub/Sub does not answer for the subscription',
    arrange: (google, document) => {
      queue(google, document);
      google.faults.add({
        host: 'pubsub.googleapis.com',
        path: '/v1/projects/local-project/subscriptions/*',
        fault: { kind: 'status', status: 400 },
      });
    },
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'skipped',
        detail: /^Not checked: Pub\/Sub does not answer for/,
        remedy: /^gcloud pubsub subscriptions describe exports --project=local-project$/,
      },
    },
  },
  {
    name: 'the Pub/Sub API is off',
    arrange: (google, document) => {
      queue(google, document);
      google.world.disableApi('pubsub.googleapis.com');
    },
    finds: {
      ...QUEUE,
      pubsub: { result: 'warned', detail: /It is unknown whether/ },
      subscriptions: {
        result: 'skipped',
        detail: /^Not checked: the Pub\/Sub API is disabled/,
        remedy: /^gcloud services enable pubsub\.googleapis\.com --project=local-project$/,
      },
    },
  },
  {
    name: 'the subscription is pulled',
    arrange: (google, document) => queue(google, document, { pushConfig: {} }),
    finds: { ...QUEUE, subscriptions: { result: 'failed', detail: /exports does not push\.$/, remedy: PUSH } },
  },
  {
    name: 'the subscription pushes to another route',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: pushing({ serviceAccountEmail: google.world.emails.pubsubPush, audience: AUDIENCE }, AUDIENCE),
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports pushes to https:\/\/courier\.example instead of \/v1\/pubsub\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription pushes to another service',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: pushing(
          { serviceAccountEmail: google.world.emails.pubsubPush, audience: AUDIENCE },
          'https://other.example/v1/pubsub',
        ),
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'warned',
        detail: /exports pushes to other\.example, which is not in "audiences"\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription pushes without a token',
    arrange: (google, document) => queue(google, document, { pushConfig: { pushEndpoint: ENDPOINT } }),
    finds: {
      ...QUEUE,
      subscriptions: { result: 'failed', detail: /exports pushes without a token/, remedy: PUSH },
    },
  },
  {
    name: 'the subscription pushes as somebody else',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: pushing({ serviceAccountEmail: google.world.emails.stranger, audience: AUDIENCE }),
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports pushes as stranger@\S+ instead of pubsub-push@\S+\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription’s tokens are for its endpoint, which is no audience',
    arrange: (google, document) =>
      queue(google, document, { pushConfig: pushing({ serviceAccountEmail: google.world.emails.pubsubPush }) }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports makes tokens for https:\/\/courier\.example\/v1\/pubsub, which is not in "audiences"\.$/,
        remedy: PUSH,
      },
    },
  },
  {
    name: 'the subscription pushes bare messages',
    arrange: (google, document) =>
      queue(google, document, {
        pushConfig: {
          ...pushing({ serviceAccountEmail: google.world.emails.pubsubPush, audience: AUDIENCE }),
          noWrapper: {},
        },
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports pushes without the wrapper/,
        remedy: /^gcloud pubsub subscriptions update exports --project=local-project --clear-push-no-wrapper-config$/,
      },
    },
  },
  {
    name: 'the subscription has Pub/Sub’s own times, and no place for dead letters',
    arrange: (google, document) =>
      queue(google, document, {
        ackDeadlineSeconds: 10,
        expirationPolicy: { ttl: '2678400s' },
        deadLetterPolicy: undefined,
      }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'warned',
        detail:
          /deadline of 10 s, .* 600 s; it has no dead-letter policy, .*; it is deleted after 31 days without use\.$/,
        remedy:
          /^gcloud pubsub subscriptions update exports --project=local-project --ack-deadline=600 --dead-letter-topic=projects\/local-project\/topics\/exports-failed --max-delivery-attempts=20 --expiration-period=never; and allow Pub\/Sub's own account to publish there/,
      },
    },
  },
  {
    name: 'the subscription’s topic was deleted',
    arrange: (google, document) => queue(google, document, { topic: '_deleted-topic_' }),
    finds: {
      ...QUEUE,
      subscriptions: {
        result: 'failed',
        detail: /exports no longer receives messages: its topic was deleted\. Messages that it still holds/,
        remedy:
          /^gcloud pubsub subscriptions delete exports --project=local-project; gcloud pubsub subscriptions create/,
      },
    },
  },
];
