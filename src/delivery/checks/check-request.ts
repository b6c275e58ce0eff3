import { type Caller, type DeliveryOptions, impliedDestination } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { Policy } from '../../identity/policy.ts';
import type { Log } from '../../log.ts';
import type { Telemetry } from '../../telemetry.ts';
import { beginAudit } from '../audit.ts';
import type { Allow, Destination, ResolvedRequest } from '../resolve-options.ts';

/**
 * Refuses, before a byte is read, a request without a property that a label of the destination needs, and a request that the
 * spreadsheet of the destination does not accept.
 */
export const checkRequest = async (request: ResolvedRequest, options: DeliveryOptions): Promise<void> => {
  const { labels, spreadsheet } = request.destination.config;
  if (spreadsheet !== undefined) (await import('./check-spreadsheet.ts')).checkSpreadsheet(options, request);
  if (Object.keys(labels).length > 0) (await import('../policy.ts')).labelsOf(request);
};

/** What is known of a delivery from the headers and the query of its request. */
export interface AnnouncedDelivery {
  caller: Caller;
  requestId: string;
  /** Undefined where the destination may be in the body. */
  options?: Pick<DeliveryOptions, 'destination' | 'name'>;
  /** Bytes. */
  size?: number | undefined;
  idempotencyKey?: string | undefined;
}

/** Decides who may write where: callers by the policy, messages and events by the destinations of their subscription or function. */
export const createAllow = (destinations: ReadonlyMap<string, Destination>, policy: Policy): Allow => {
  const grantedName = (named: string | undefined, granted: readonly string[]): string | undefined => {
    const meant = impliedDestination(named, granted);
    return granted.includes(meant) ? meant : undefined;
  };
  return (caller, named, granted) => {
    const name = granted === undefined ? policy.resolveDestination(named, caller) : grantedName(named, granted);
    const destination = name === undefined ? undefined : destinations.get(name);
    if (destination === undefined) throw new CourierError('destination-forbidden');
    return destination;
  };
};

interface AuthorizeDependencies {
  allow: Allow;
  /** @throws CourierError `destination-forbidden` unless the caller may write to some destination */
  requireAnyDestination(caller: Caller): void;
  now: () => number;
  log: Log;
  telemetry?: Telemetry | undefined;
}

/**
 * Refuses unauthorized callers before a byte of their body is requested. If the destination is known, the caller must be
 * allowed to write to it; if it may be in the body, the caller must be allowed to write to at least one. A refusal is
 * audited like that of any delivery.
 */
export const createAuthorize = (dependencies: AuthorizeDependencies): ((announced: AnnouncedDelivery) => void) => {
  const { allow, requireAnyDestination, now, telemetry } = dependencies;
  return ({ caller, requestId, options, size, idempotencyKey }) => {
    try {
      if (options !== undefined) allow(caller, options.destination);
      else requireAnyDestination(caller);
    } catch (error) {
      const log = dependencies.log.child({ requestId });
      const asked = { caller, destination: options?.destination, name: options?.name, size, idempotencyKey };
      beginAudit(asked, { now, log, telemetry })
        .run(() => Promise.reject(error))
        .catch(() => undefined);
      throw error;
    }
  };
};
