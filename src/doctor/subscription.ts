import { z } from 'zod';
import type { DoctorDependencies } from './dependencies.ts';

/** What of a subscription concerns the courier (…/rest/v1/projects.subscriptions#Subscription); proto3 leaves out what is empty. */
const subscriptionSchema = z.object({
  topic: z.string().default(''),
  pushConfig: z
    .object({
      pushEndpoint: z.string().default(''),
      oidcToken: z
        .object({ serviceAccountEmail: z.string().toLowerCase().default(''), audience: z.string().default('') })
        .optional(),
      noWrapper: z.object({}).optional(),
    })
    .prefault({}),
  /** "If this parameter is 0, a default value of 10 seconds is used. For push delivery, this value is also used to set the request timeout". */
  ackDeadlineSeconds: z.int().default(10),
  /** "If expirationPolicy is set, but expirationPolicy.ttl is not set, the subscription never expires." */
  expirationPolicy: z.object({ ttl: z.string().optional() }).default({ ttl: '2678400s' }),
  deadLetterPolicy: z.object({ deadLetterTopic: z.string() }).optional(),
  detached: z.boolean().default(false),
  state: z.string().default('ACTIVE'),
});

export type Subscription = z.infer<typeof subscriptionSchema>;

/** A subscription; or that there is none; or why it cannot be seen. */
export type Sight = Subscription | 'missing' | { unseen: Unseen };

export type Unseen = 'forbidden' | 'disabled' | 'unanswered';

/** A 403 that is about the API, not about the subscription. */
const OFF = /SERVICE_DISABLED|has not been used in project/;

/** Asks Pub/Sub for each subscription once, however many destinations it feeds. Needs `pubsub.subscriptions.get`. Never rejects. */
export const createSubscriptionSight = (
  { transport, runtime }: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  deadlineMs: number,
): ((name: string) => Promise<Sight>) => {
  const look = async (name: string): Promise<Sight> => {
    try {
      const { status, body } = await transport.send({
        operation: 'pubsub.subscriptions.get',
        method: 'GET',
        url: `https://pubsub.googleapis.com/v1/${name.split('/').map(encodeURIComponent).join('/')}`,
        headers: { authorization: `Bearer ${await runtime.token()}` },
        retry: 'idempotent',
        deadlineMs,
      });
      if (status === 404) return 'missing';
      if (status === 403) return { unseen: OFF.test(body.toString()) ? 'disabled' : 'forbidden' };
      return status === 200 ? subscriptionSchema.parse(JSON.parse(body.toString())) : { unseen: 'unanswered' };
    } catch {
      return { unseen: 'unanswered' };
    }
  };
  const sights = new Map<string, Promise<Sight>>();
  return (name) => {
    const sight = sights.get(name) ?? look(name);
    sights.set(name, sight);
    return sight;
  };
};
