import { z } from 'zod';
import { named } from './named.ts';
import { email } from './principal.ts';
import { projectId } from './project-id.ts';
import { sources } from './sources.ts';

export const topic = z
  .string()
  .regex(/^projects\/[^/\s]+\/topics\/[^/\s]{3,255}$/, 'is not the name of a topic (projects/PROJECT/topics/NAME)');

/** How a message gets its idempotency key if it has none of its own; else its id is the key. */
const keyFrom = z.union(
  [
    /** An attribute that is the same in all messages about one occasion. */
    z.strictObject({ attribute: z.string().regex(/^[\w.-]{1,64}$/, 'is not the name of an attribute') }),
    /** The time at which it was published: all messages of one hour, or minute, in UTC have the same key. */
    z.strictObject({ publishTime: z.enum(['hour', 'minute']) }),
  ],
  { error: 'is neither {attribute: NAME} nor {publishTime: hour} nor {publishTime: minute}' },
);
export type KeyFrom = z.output<typeof keyFrom>;

/** Files of the destination tables of transfer runs, such as scheduled queries. */
const transferRuns = z.strictObject({
  project: projectId.optional(),
  destination: z.string().optional(),
  name: z.string().min(1).optional(),
  path: z.string().optional(),
  format: z.enum(['csv', 'jsonl', 'xlsx']).optional(),
});
export type TransferRunRules = z.output<typeof transferRuns>;

/** The accepted subscriptions, what each may write to, and the topic for messages that cannot be delivered. */
export const pubsub = z.strictObject({
  subscriptions: named(
    z.strictObject({
      serviceAccount: email,
      destinations: z.array(z.string()).min(1),
      sources,
      /** The topic of the subscription, to which the messages for the objects below a prefix are published. */
      topic: topic.optional(),
      keyFrom: keyFrom.optional(),
      transferRuns: transferRuns.optional(),
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
