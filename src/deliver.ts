import { type Audit, beginAudit } from './delivery/audit.ts';
import { type Checked, checkPlan } from './delivery/check-plan.ts';
import { type Claim, claimKey, deliveryKey, lookUp, replay } from './delivery/idempotency.ts';
import { choosePlan, type Plan } from './delivery/plan.ts';
import { IN_TRASH, receiptOf, withTrashWarning } from './delivery/receipt.ts';
import { recordReceipt } from './delivery/record-receipt.ts';
import {
  type Allow,
  checkSize,
  fingerprint,
  type ResolvedRequest,
  resolveOptions,
} from './delivery/resolve-options.ts';
import { shareFile } from './delivery/sharing.ts';
import { storeFile } from './delivery/store/store-file.ts';
import type { StoredFile } from './delivery/store/upload-step.ts';
import type { Delivery, Receipt } from './domain.ts';
import type { CallContext } from './drive/drive.ts';
import { asCourierError } from './errors.ts';
import { type Ledger, ledgerOf } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import { realSleep, type Sleep } from './sleep.ts';
import type { Telemetry } from './telemetry.ts';

export interface DeliverDependencies {
  allow: Allow;
  ledger: Ledger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Default: real time. */
  sleep?: Sleep;
  log: Log;
  telemetry?: Telemetry | undefined;
}

interface DeliveryContext extends DeliverDependencies {
  delivery: Delivery;
  request: ResolvedRequest;
  context: CallContext;
  audit: Audit;
}

const findFolder = async ({ request, context }: DeliveryContext): Promise<string> =>
  (await request.destination.folders.ensure(request.destination.config.folder, request.path, context)).folderId;

/** Everything that a plan is made from. */
const planningOf = async (delivering: DeliveryContext) => {
  const { source } = delivering.delivery;
  // No folder is made for bytes that do not exist any more.
  if (source.gone !== undefined) throw source.gone;
  return { ...delivering, folderId: await findFolder(delivering), source };
};

const plan = (delivering: DeliveryContext): Promise<Plan> =>
  delivering.audit.stepTimer.time('place', async () => choosePlan(await planningOf(delivering)));

/** The claim of this delivery's key, or the receipt that it already has; neither for a delivery without a key. */
const claim = async (delivering: DeliveryContext): Promise<{ claim?: Claim } | { receipt: Receipt }> => {
  const { delivery, request, ledger, now } = delivering;
  const { stepTimer } = delivering.audit;
  if (delivery.idempotencyKey === undefined) return stepTimer.time('claim', async () => ({}));
  const key = deliveryKey(delivery.caller, delivery.idempotencyKey);
  const print = fingerprint('bytes', delivery, request.destination.name);
  const earlier = await stepTimer.time('claim', () => lookUp(ledger, key, print));
  if (earlier !== undefined) return earlier;
  try {
    const chosen = await plan(delivering);
    return await stepTimer.time('claim', () =>
      claimKey(ledger, { key, fingerprint: print, plan: chosen, nowMs: now() }),
    );
  } catch (error) {
    // The file in the way may be this key's own, made by another try since we looked.
    const made = asCourierError(error).code === 'name-taken' ? await lookUp(ledger, key, print) : undefined;
    if (made === undefined) throw error;
    return made;
  }
};

/** What is to be done: planned now, or by an earlier try of the key and checked against what is there now. */
const currentPlan = async (
  delivering: DeliveryContext,
  claimed: Claim | undefined,
): Promise<Checked | { receipt: Receipt }> => {
  if (claimed === undefined) return { plan: await plan(delivering) };
  if (claimed.mine) return { plan: claimed.plan() };
  return delivering.audit.stepTimer.time('place', async () => checkPlan(await planningOf(delivering), claimed));
};

/** Shares a file that this delivery, or an earlier try of it that never answered, has made; a replaced one keeps its sharing. */
const share = (
  { request, context, log }: DeliveryContext,
  { kind }: Plan,
  { file, outcome }: StoredFile,
): Promise<string[]> =>
  outcome === 'created' || (outcome === 'replayed' && kind !== 'replace')
    ? shareFile({
        drive: request.destination.drive,
        fileId: file.id,
        share: request.destination.config.share,
        context,
        log,
      })
    : Promise.resolve([]);

/** Without a key there is nothing to record. */
const record = (
  { context, log, now, sleep = realSleep }: DeliveryContext,
  claimed: Claim | undefined,
  receipt: Receipt,
): Promise<Receipt> =>
  claimed === undefined ? Promise.resolve(receipt) : recordReceipt(claimed, receipt, { context, log, now, sleep });

const replayed = ({ delivery, request, context, audit, now }: DeliveryContext, receipt: Receipt): Promise<Receipt> =>
  audit.stepTimer.time('replay', async () => {
    const { source, expectedSha256 } = delivery;
    const again = await replay(receipt, { source, expectedSha256, maxBytes: request.destination.config.maxBytes });
    return withTrashWarning(again, request.destination.drive, context, now());
  });

/** The delivery once its destination is known, from the look at its key to its receipt. */
const carryOut = async (delivering: DeliveryContext, atEnd: (work: () => Promise<void>) => void): Promise<Receipt> => {
  const { delivery, request, ledger, context, log, now, sleep = realSleep, audit } = delivering;
  const { stepTimer } = audit;
  const claimed = await claim(delivering);
  if ('receipt' in claimed) return replayed(delivering, claimed.receipt);
  const current = await currentPlan(delivering, claimed.claim);
  if ('receipt' in current) return replayed(delivering, current.receipt);

  const means = { request, delivery, claim: claimed.claim, ledger, context, log, now, sleep, atEnd };
  const step = { ...means, plan: current.plan, plannedAtMs: now() };
  const stored = await stepTimer.time('put', () => storeFile(step, current.existing));
  if (stored.receipt !== undefined) return { ...stored.receipt, outcome: 'replayed' };
  const unshared = await stepTimer.time('share', () => share(delivering, current.plan, stored));
  const { warnings: placing = stored.file.trashed ? [IN_TRASH] : [] } = stored;
  const warnings = [...placing, ...unshared];
  const receipt = receiptOf({ ...stored, request, delivery, folderId: current.plan.folderId, warnings, ledger });
  return stepTimer.time('record', () => record(delivering, claimed.claim, receipt));
};

/**
 * One delivery, told in order: allowed? claimed before? place, bytes, share, record, receipt.
 * (The key to Drive is fetched by the first call that needs it; the bytes are verified as part of putting them.)
 */
export const createDeliver =
  (dependencies: DeliverDependencies) =>
  (delivery: Delivery): Promise<Receipt> => {
    const { allow, now, telemetry } = dependencies;
    const { caller, options, source, idempotencyKey, signal, deadlineMs } = delivery;
    const log = dependencies.log.child({ requestId: delivery.requestId });
    const ledger = ledgerOf(dependencies.ledger, caller.sub);
    const asked = {
      ...{ caller, destination: options.destination, name: options.name, size: source.size, idempotencyKey },
      ...(delivery.allowedDestinations === undefined ? {} : { message: { signal } }),
    };
    const audit = beginAudit(asked, { now, log, telemetry });
    const endings: (() => Promise<void>)[] = [];

    return audit.run(async () => {
      const destination = allow(caller, options.destination, delivery.allowedDestinations);
      audit.setDestination(destination.name);
      checkSize(source.size, destination);
      const request = resolveOptions(destination, options);
      const context: CallContext = { signal, deadlineMs, callStats: audit.callStats };
      try {
        return await carryOut({ ...dependencies, ledger, log, delivery, request, context, audit }, (work) =>
          endings.push(work),
        );
      } finally {
        for (const end of endings) await end();
      }
    });
  };
