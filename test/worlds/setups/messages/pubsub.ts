import type { World } from '../../visit.ts';
import { EVENTS } from '../expected.ts';
import { QUEUE, queue } from './queue.ts';

const REPORTED_TOPIC = 'projects/local-project/topics/no-such-topic';

/** Queues, events and the dead-letter topic. */
export const PUBSUB_WORLDS: readonly World[] = [
  {
    name: 'a queue before a ledger in memory',
    arrange: (google, document) => queue(google, document),
    finds: QUEUE,
  },
  {
    name: 'events without a place for dead letters',
    arrange: (_, document) => {
      document.pubsub = { eventDestinations: ['reports'] };
    },
    finds: { ...EVENTS, pubsub: { result: 'warned', detail: /only logged/, remedy: /gcloud pubsub topics create/ } },
  },
  {
    name: 'the topic for dead letters does not exist',
    arrange: (_, document) => {
      document.pubsub = { eventDestinations: ['reports'], deadLetterTopic: REPORTED_TOPIC };
    },
    finds: {
      ...EVENTS,
      pubsub: {
        result: 'failed',
        detail: /no-such-topic does not exist, or the courier is not allowed to publish/,
        remedy:
          /^gcloud pubsub topics create no-such-topic --project=local-project; gcloud pubsub topics add-iam-policy-binding no-such-topic --project=local-project --member=serviceAccount:runtime@\S+ --role=roles\/pubsub\.publisher/,
      },
    },
  },
  {
    name: 'Pub/Sub does not say who may publish',
    arrange: (google, document) => {
      google.world.disableApi('pubsub.googleapis.com');
      document.pubsub = { eventDestinations: ['reports'], deadLetterTopic: google.topic };
    },
    finds: {
      ...EVENTS,
      pubsub: { result: 'warned', detail: /It is unknown whether/, remedy: /topics get-iam-policy/ },
    },
  },
];
