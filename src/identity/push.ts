import type { PubsubConfig } from '../config/pubsub.ts';
import type { Caller } from '../delivery.ts';

/** Which account may push for which subscription. */
export interface PushPolicy {
  /** True for an account that some subscription pushes with; all that can be known before the body is read. */
  isPushAccount(caller: Caller): boolean;
  /** The destinations that this push may write to; undefined unless the caller is this very subscription's account. */
  mayPush(caller: Caller, subscription: string): readonly string[] | undefined;
}

/**
 * Signature and audience are not enough: anybody's subscription can be made to push here with a token for our audience
 * (pubsub/docs/authenticate-push-subscriptions asks to check the email too).
 */
export const createPushPolicy = ({ subscriptions }: Pick<PubsubConfig, 'subscriptions'>): PushPolicy => {
  const bySubscription = new Map(Object.entries(subscriptions));
  const accounts = new Set([...bySubscription.values()].map(({ serviceAccount }) => serviceAccount));
  return {
    isPushAccount: ({ email }) => email !== undefined && accounts.has(email),
    mayPush({ email }, subscription) {
      const configured = bySubscription.get(subscription);
      return email !== undefined && configured?.serviceAccount === email ? configured.destinations : undefined;
    },
  };
};
