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

/** The fields of a subscription that can be set here, with their limits. Others are rejected. */
const inputSchema = z.strictObject({
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

export type SubscriptionInput = z.input<typeof inputSchema>;

export interface Subscription {
  /** A subscription as returned by `projects.subscriptions.get`. */
  resource: Readonly<Record<string, unknown>>;
  /** Emails with roles/pubsub.viewer on this subscription. */
  viewers: readonly string[];
}

/** "GetSubscription calls will always return a valid version" (PushConfig.attributes). */
const withVersion = (config: z.infer<typeof pushConfig>): object =>
  config.pushEndpoint === undefined ? config : { ...config, attributes: { 'x-goog-version': 'v1' } };

/** @throws for a subscription that Pub/Sub would reject */
export const subscriptionOf = (input: SubscriptionInput, viewers: readonly string[]): Subscription => {
  const { pushConfig: push, ...rest } = inputSchema.parse(input);
  return { resource: { ...rest, pushConfig: withVersion(push) }, viewers };
};
