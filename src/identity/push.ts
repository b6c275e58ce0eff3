import type { PubsubConfig } from '../config/pubsub.ts';
import type { Caller } from '../domain.ts';

/** What the messages of a subscription may do. */
export interface PushGrant {
  /** The destinations that they may write to. */
  destinations: readonly string[];
  /** The objects of Cloud Storage that they may bring, beside those that a destination lists. */
  sources: readonly string[];
}

/** Which account may push for which subscription. */
export interface PushPolicy {
  /** True for an account that some subscription pushes with; all that can be known before the body is read. */
  isPushAccount(caller: Caller): boolean;
  /** What this push may do; undefined unless the caller is this very subscription's account. */
  mayPush(caller: Caller, subscription: string): PushGrant | undefined;
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
      return email !== undefined && configured?.serviceAccount === email ? configured : undefined;
    },
  };
};
