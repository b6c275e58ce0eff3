import type { Caller } from '../../../src/domain.ts';
import type { DeliverySpec } from '../scenario.ts';

/** A caller as its token names it. */
export const callerOf = ({ caller }: Pick<DeliverySpec, 'caller'>): Caller & { email: string } => {
  const [sub, name] = caller === '' ? ['1', 'exporter'] : [caller, caller];
  return { sub, email: `${name}@local-project.iam.gserviceaccount.com` };
};

/** The Idempotency-Key that a sender sends. Two callers may send the same one. */
export const keySentBy = ({ key }: Pick<DeliverySpec, 'key'>): { idempotencyKey?: string } => {
  const [idempotencyKey] = key?.split('@') ?? [];
  return idempotencyKey === undefined ? {} : { idempotencyKey };
};
