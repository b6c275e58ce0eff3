import type { SubscriptionInput } from '../../../../local/google/pubsub/subscriptions.ts';
import type { LocalGoogle } from '../../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../../local/google/world/names.ts';
import { AUDIENCE, type Document } from '../../visit.ts';
import { NOT_ASKED, NOT_ON_CLOUD_RUN } from '../expected.ts';

export const ENDPOINT = `${AUDIENCE}/v1/pubsub`;

export const pushing = (oidcToken: { serviceAccountEmail: string; audience?: string }, pushEndpoint = ENDPOINT) => ({
  pushEndpoint,
  oidcToken,
});

/** A subscription as the courier needs it, except for `change`. */
export const queue = (google: LocalGoogle, document: Document, change: Partial<SubscriptionInput> = {}): undefined => {
  const serviceAccount = google.world.emails.pubsubPush;
  document.pubsub = {
    subscriptions: { [SUBSCRIPTION]: { serviceAccount, destinations: ['reports'] } },
    deadLetterTopic: google.topic,
  };
  const subscription = {
    name: SUBSCRIPTION,
    topic: 'projects/local-project/topics/exports',
    pushConfig: pushing({ serviceAccountEmail: serviceAccount, audience: AUDIENCE }),
    ackDeadlineSeconds: 600,
    expirationPolicy: {},
    deadLetterPolicy: { deadLetterTopic: google.topic, maxDeliveryAttempts: 20 },
  };
  google.pubsub.createSubscription({ ...subscription, ...change }, [google.world.emails.runtime]);
};

/** Without Firestore this is always reported for a queue. */
export const QUEUE = {
  ...NOT_ASKED,
  ...NOT_ON_CLOUD_RUN,
  pubsub: {
    result: 'warned',
    detail: /subscriptions\/exports.*ledger is in memory/,
    remedy: /firestore databases create/,
  },
} as const;
