import { z } from 'zod';
import { named } from './named.ts';
import { email } from './principal.ts';
import { sources } from './sources.ts';

/** Whose messages are believed, what each may write to, and where those go that can never be delivered. */
export const pubsub = z.strictObject({
  subscriptions: named(
    z.strictObject({ serviceAccount: email, destinations: z.array(z.string()).min(1), sources }),
    /^projects\/[^/\s]+\/subscriptions\/[^/\s]{3,255}$/,
    "not a subscription's name (projects/PROJECT/subscriptions/NAME)",
  ).default({}),
  deadLetterTopic: z
    .string()
    .regex(/^projects\/[^/\s]+\/topics\/[^/\s]{3,255}$/, "not a topic's name (projects/PROJECT/topics/NAME)")
    .optional(),
  /** For `courierEvent`, whose platform checked the sender: what its events may write to. */
  eventDestinations: z.array(z.string()).default([]),
  /** Which objects they may bring, whatever the destination lists. */
  eventSources: sources,
});
export type PubsubConfig = z.infer<typeof pubsub>;
