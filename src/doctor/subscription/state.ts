import { z } from 'zod';
import { rpcReasonsOf } from '../../text/google/rpc-error.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { onceEach } from '../once-each.ts';

/** The settings of a subscription that the courier depends on (…/rest/v1/projects.subscriptions#Subscription); proto3 omits empty values. */
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

/** A subscription; or `missing`; or why it cannot be read. */
export type SubscriptionState = Subscription | 'missing' | { unknown: UnknownReason };

export type UnknownReason = 'forbidden' | 'disabled' | 'unanswered';

/** Makes a function that reads a subscription, once for each. It needs `pubsub.subscriptions.get`. It never rejects. */
export const createSubscriptionReader = (
  { transport, runtime }: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  deadlineMs: number,
): ((name: string) => Promise<SubscriptionState>) => {
  return onceEach(async (name: string): Promise<SubscriptionState> => {
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
      if (status === 403)
        return { unknown: rpcReasonsOf(body).includes('SERVICE_DISABLED') ? 'disabled' : 'forbidden' };
      return status === 200 ? subscriptionSchema.parse(JSON.parse(body.toString())) : { unknown: 'unanswered' };
    } catch {
      return { unknown: 'unanswered' };
    }
  });
};
