import { z } from 'zod';

const DAY_SECONDS = 86_400;
const duration = z.string().regex(/^\d+(\.\d{1,9})?s$/, 'not a duration ("600s")');
const seconds = (text: string): number => Number(text.slice(0, -1));
const topicName = z.string().regex(/^projects\/[^/]+\/topics\/[^/]{3,255}$/, "not a topic's name");

/** "It must be between 3 and 255 characters in length, and it must not start with goog" (…/rest/v1/projects.subscriptions). */
const subscriptionName = z
  .string()
  .regex(/^projects\/[^/]+\/subscriptions\/(?!goog)[A-Za-z][\w.~+%-]{2,254}$/, "not a subscription's name");

const pushConfig = z
  .strictObject({
    pushEndpoint: z.url({ protocol: /^https$/ }).optional(),
    oidcToken: z.strictObject({ serviceAccountEmail: z.email(), audience: z.string().optional() }).optional(),
    pubsubWrapper: z.strictObject({}).optional(),
    noWrapper: z.strictObject({ writeMetadata: z.boolean().optional() }).optional(),
  })
  .refine(({ pubsubWrapper, noWrapper }) => pubsubWrapper === undefined || noWrapper === undefined, 'one wrapper only');

/** The members of a subscription that may be set here, within their limits; others are refused. */
const wishSchema = z.strictObject({
  name: subscriptionName,
  topic: z.union([topicName, z.literal('_deleted-topic_')]),
  pushConfig: pushConfig.default({}),
  /** "The minimum custom deadline you can specify is 10 seconds. The maximum … is 600 seconds" */
  ackDeadlineSeconds: z.int().min(10).max(600).default(10),
  messageRetentionDuration: duration.default('604800s'),
  /** "If expirationPolicy is not set, a default policy with ttl of 31 days will be used. … If … ttl is not set, the subscription never expires." */
  expirationPolicy: z
    .strictObject({
      ttl: duration.refine((text) => seconds(text) >= DAY_SECONDS, 'the minimum is 1 day').optional(),
    })
    .default({ ttl: '2678400s' }),
  deadLetterPolicy: z
    .strictObject({ deadLetterTopic: topicName, maxDeliveryAttempts: z.int().min(5).max(100).default(5) })
    .optional(),
  retryPolicy: z.strictObject({ minimumBackoff: duration, maximumBackoff: duration }).optional(),
  detached: z.literal(true).optional(),
  state: z.enum(['ACTIVE', 'RESOURCE_ERROR']).default('ACTIVE'),
});

export type SubscriptionWish = z.input<typeof wishSchema>;

export interface Subscription {
  /** As `projects.subscriptions.get` answers it. */
  resource: Readonly<Record<string, unknown>>;
  /** Emails that have roles/pubsub.viewer on this very subscription. */
  viewers: readonly string[];
}

/** "GetSubscription calls will always return a valid version" (PushConfig.attributes). */
const withVersion = (config: z.infer<typeof pushConfig>): object =>
  config.pushEndpoint === undefined ? config : { ...config, attributes: { 'x-goog-version': 'v1' } };

/** @throws when the wish is not one that Pub/Sub would take */
export const subscriptionOf = (wish: SubscriptionWish, viewers: readonly string[]): Subscription => {
  const { pushConfig: push, ...rest } = wishSchema.parse(wish);
  return { resource: { ...rest, pushConfig: withVersion(push) }, viewers };
};
