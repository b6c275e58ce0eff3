import type { KeyFrom, PubsubConfig, TransferRunRules } from '../config/schema/pubsub.ts';
import type { Caller } from '../domain.ts';

/** What the messages of a subscription are allowed to do. */
export interface PushGrant {
  /** The destinations that they may write to. */
  destinations: readonly string[];
  /** The Cloud Storage objects that they may export, in addition to the destination's own `sources`. */
  sources: readonly string[];
  /** How their idempotency keys are made; by default from their ids. */
  keyFrom?: KeyFrom | undefined;
  /** How the notifications of transfer runs are handled; by default they are refused. */
  transferRuns?: TransferRunRules | undefined;
}

/** Decides which account may push for which subscription. */
export interface PushPolicy {
  /** True for the account of any configured subscription. The subscription itself is known only after the body is read. */
  isPushAccount(caller: Caller): boolean;
  /** What the push may do; undefined unless the caller is the account of this subscription. */
  mayPush(caller: Caller, subscription: string): PushGrant | undefined;
}

/**
 * Signature and audience are not enough: anybody can create a subscription that pushes here with a token for this audience
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
