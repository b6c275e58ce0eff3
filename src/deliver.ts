import { beginAudit, factsOf, type OnReceipt } from './delivery/audit.ts';
import { planDelivery } from './delivery/checks/check-plan.ts';
import { checkRequest } from './delivery/checks/check-request.ts';
import { asReplay, claimPlan, type KeyState, lookUpKey, type Planned, type Ready } from './delivery/idempotency.ts';
import { accountFor } from './delivery/plan.ts';
import { receiptOf, recordReceipt, replayReceipt, withTrashWarning } from './delivery/receipt.ts';
import {
  type Allow,
  checkSize,
  type DeliveryContext,
  type ResolvedRequest,
  resolveOptions,
  withRows,
} from './delivery/resolve-options.ts';
import { restrictAndShare, startRetention } from './delivery/sharing.ts';
import { storeFile } from './delivery/store/store-file.ts';
import type { UploadStep } from './delivery/store/upload-step.ts';
import type { Delivery, Receipt } from './domain.ts';
import type { CallContext } from './drive/drive.ts';
import { type Ledger, ledgerOf } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import { realSleep, type Sleep } from './sleep.ts';
import type { Clocks } from './steady-clock.ts';
import type { Telemetry } from './telemetry.ts';

export interface DeliverDependencies extends Clocks {
  allow: Allow;
  ledger: Ledger;
  /** Default: real time. */
  sleep?: Sleep;
  log: Log;
  telemetry?: Telemetry | undefined;
  onReceipt?: OnReceipt | undefined;
}

/** The request for the account that writes the file. The defaults of the destination are those of the first try's time. */
const requestFor = (request: ResolvedRequest, { caller, options }: Delivery, key: KeyState): ResolvedRequest => {
  const earlierTry = key.state === 'claimed' ? key.claim : undefined;
  const account = accountFor(request, earlierTry?.plan());
  if (earlierTry === undefined && account === request.destination) return request;
  return resolveOptions(account, options, { caller, sinceMs: earlierTry?.claimedAtMs ?? request.sinceMs });
};

/**
 * Delivers one file, in this order: authorize the caller, look up the key, plan (folder, conflict), claim the key for the
 * plan, upload and verify the bytes, share the file, record the receipt, return it.
 */
export const createDeliver =
  ({ allow, now, wall, sleep = realSleep, telemetry, onReceipt, ...shared }: DeliverDependencies) =>
  (delivery: Delivery): Promise<Receipt> => {
    const { caller, options, signal, deadlineMs } = delivery;
    const log = shared.log.child({ requestId: delivery.requestId });
    const ledger = ledgerOf(shared.ledger, caller.sub);
    const audit = beginAudit(factsOf(delivery), { now, log, telemetry, onReceipt });
    const context: CallContext = { signal, deadlineMs, callStats: audit.callStats };
    const { time } = audit.stepTimer;
    const endings: (() => Promise<void>)[] = [];
    const atEnd = (work: () => Promise<void>): void => void endings.push(work);

    const deliver = async (): Promise<Receipt> => {
      // Authorize.
      const destination = allow(caller, options.destination, delivery.allowedDestinations);
      audit.setDestination(destination.name);
      checkSize(delivery.source.size, destination);
      const sinceMs = wall();
      const request = resolveOptions(destination, options, { caller, sinceMs });
      await checkRequest(request, options);
      const prepared = withRows(delivery, request);
      let deliveryContext: DeliveryContext = { request, delivery: prepared, ledger, context, log, now, sleep };

      // Look up the key, plan, and claim the key for the plan. If another try of the key comes first, plan again from there.
      let plannedAtMs = now();
      let key: KeyState | Ready = await time('claim', () => lookUpKey(deliveryContext));
      while (key.state !== 'ready') {
        const known: KeyState = key;
        if (known.state === 'done') return time('replay', () => replayReceipt(deliveryContext, known.receipt));
        deliveryContext = { ...deliveryContext, request: requestFor(request, delivery, known) };
        // Before the search for the name, because planning may take long.
        plannedAtMs = now();
        const planned: Planned | KeyState = await time('place', () => planDelivery(deliveryContext, known));
        key = await time('claim', () => claimPlan(deliveryContext, planned));
      }
      const { plan, claim, existing } = key;

      // Upload and verify, share, record.
      const step: UploadStep = { ...deliveryContext, plan, claim, plannedAtMs, unlocked: [], atEnd };
      const stored = await time('put', () => storeFile(step, existing));
      if (stored.receipt !== undefined) {
        return withTrashWarning(asReplay(stored.receipt), deliveryContext.request.destination.drive, context, now());
      }
      const unshared = await time('share', () => restrictAndShare({ ...deliveryContext, ...stored }, stored));
      const warnings = [...stored.warnings, ...unshared];
      const receipt = receiptOf({ ...deliveryContext, ...stored, folderId: plan.folderId, warnings });
      const recorded = await time('record', () => recordReceipt(deliveryContext, claim, receipt));
      await prepared.source.delivered?.();
      if (stored.outcome !== 'skipped') startRetention(deliveryContext, stored.request);
      return recorded;
    };

    return audit.run(async () => {
      try {
        return await deliver();
      } finally {
        // Leases are held until the receipt is recorded. None of these throws, so each of them runs.
        for (const work of endings) await work();
      }
    });
  };
