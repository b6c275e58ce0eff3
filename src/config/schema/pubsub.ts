import { z } from 'zod';
import { named } from './named.ts';
import { email } from './principal.ts';
import { sources } from './sources.ts';

export const topic = z
  .string()
  .regex(/^projects\/[^/\s]+\/topics\/[^/\s]{3,255}$/, 'is not the name of a topic (projects/PROJECT/topics/NAME)');

/** The accepted subscriptions, what each may write to, and the topic for messages that cannot be delivered. */
export const pubsub = z.strictObject({
  subscriptions: named(
    z.strictObject({
      serviceAccount: email,
      destinations: z.array(z.string()).min(1),
      sources,
      /** The topic of the subscription, to which the messages for the objects below a prefix are published. */
      topic: topic.optional(),
    }),
    /^projects\/[^/\s]+\/subscriptions\/[^/\s]{3,255}$/,
    'is not the name of a subscription (projects/PROJECT/subscriptions/NAME)',
  ).default({}),
  deadLetterTopic: topic.optional(),
  /** The destinations of the events that `courierEvent` receives. The platform has checked their sender. */
  eventDestinations: z.array(z.string()).default([]),
  /** The objects that they may export, in addition to the destination's own `sources`. */
  eventSources: sources,
});
export type PubsubConfig = z.infer<typeof pubsub>;
