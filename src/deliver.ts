import { type Audit, beginAudit } from './delivery/audit.ts';
import { type Checked, checkPlan } from './delivery/check-plan.ts';
import { withConversionType } from './delivery/conversion-type.ts';
import { type Claim, claimKey, deliveryKey, lookUp, replay } from './delivery/idempotency.ts';
import { choosePlan, type Plan } from './delivery/plan.ts';
import { IN_TRASH, receiptOf, withTrashWarning } from './delivery/receipt.ts';
import { recordReceipt } from './delivery/record-receipt.ts';
import { type Allow, checkSize, fingerprint, type Order, settle } from './delivery/resolve-options.ts';
import { shareFile } from './delivery/sharing.ts';
import { putBytes } from './delivery/store/store-file.ts';
import type { Placed } from './delivery/store/upload-step.ts';
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

interface Telling extends DeliverDependencies {
  delivery: Delivery;
  order: Order;
  context: CallContext;
  audit: Audit;
}

const findFolder = async ({ order, context }: Telling): Promise<string> =>
  (await order.place.folders.ensure(order.place.config.folder, order.path, context)).folderId;

/** Everything that a plan is made from. */
const planningOf = async (telling: Telling) => {
  const { source } = telling.delivery;
  // No folder is made for bytes that do not exist any more.
  if (source.gone !== undefined) throw source.gone;
  return { ...telling, folderId: await findFolder(telling), source };
};

const plan = (telling: Telling): Promise<Plan> =>
  telling.audit.watch.time('place', async () => choosePlan(await planningOf(telling)));

/** The claim of this delivery's key, or the receipt that it already has; neither for a delivery without a key. */
const claim = async (telling: Telling): Promise<{ claim?: Claim } | { receipt: Receipt }> => {
  const { delivery, order, ledger, now } = telling;
  const { watch } = telling.audit;
  if (delivery.idempotencyKey === undefined) return watch.time('claim', async () => ({}));
  const key = deliveryKey(delivery.caller, delivery.idempotencyKey);
  const print = fingerprint('bytes', delivery, order.place.name);
  const earlier = await watch.time('claim', () => lookUp(ledger, key, print));
  if (earlier !== undefined) return earlier;
  try {
    const chosen = await plan(telling);
    return await watch.time('claim', () => claimKey(ledger, { key, fingerprint: print, plan: chosen, nowMs: now() }));
  } catch (error) {
    // The file in the way may be this key's own, made by another try since we looked.
    const made = asCourierError(error).code === 'name-taken' ? await lookUp(ledger, key, print) : undefined;
    if (made === undefined) throw error;
    return made;
  }
};

/** What is to be done: planned now, or by an earlier try of the key and checked against what is there now. */
const currentPlan = async (telling: Telling, claimed: Claim | undefined): Promise<Checked | { receipt: Receipt }> => {
  if (claimed === undefined) return { plan: await plan(telling) };
  if (claimed.mine) return { plan: claimed.plan() };
  return telling.audit.watch.time('place', async () => checkPlan(await planningOf(telling), claimed));
};

/** Shares a file that this delivery, or an earlier try of it that never answered, has made; a replaced one keeps its sharing. */
const share = ({ order, context, log }: Telling, { kind }: Plan, { file, outcome }: Placed): Promise<string[]> =>
  outcome === 'created' || (outcome === 'replayed' && kind !== 'replace')
    ? shareFile({ drive: order.place.drive, fileId: file.id, share: order.place.config.share, context, log })
    : Promise.resolve([]);

/** Without a key there is nothing to record. */
const record = (
  { context, log, now, sleep = realSleep }: Telling,
  claimed: Claim | undefined,
  receipt: Receipt,
): Promise<Receipt> =>
  claimed === undefined ? Promise.resolve(receipt) : recordReceipt(claimed, receipt, { context, log, now, sleep });

const replayed = ({ delivery, order, context, audit, now }: Telling, receipt: Receipt): Promise<Receipt> =>
  audit.watch.time('replay', async () => {
    const { source, expectedSha256 } = delivery;
    const again = await replay(receipt, { source, expectedSha256, maxBytes: order.place.config.maxBytes });
    return withTrashWarning(again, order.place.drive, context, now());
  });

/** The delivery once its destination is known, from the look at its key to its receipt. */
const carryOut = async (telling: Telling, atEnd: (work: () => Promise<void>) => void): Promise<Receipt> => {
  const { delivery, order, ledger, context, log, now, sleep = realSleep, audit } = telling;
  const { watch } = audit;
  const claimed = await claim(telling);
  if ('receipt' in claimed) return replayed(telling, claimed.receipt);
  const current = await currentPlan(telling, claimed.claim);
  if ('receipt' in current) return replayed(telling, current.receipt);

  const means = { order, delivery, claim: claimed.claim, ledger, context, log, now, sleep, atEnd };
  const put = { ...means, plan: current.plan, plannedAtMs: now() };
  const placed = await watch.time('put', () => putBytes(put, current.existing));
  if (placed.receipt !== undefined) return { ...placed.receipt, outcome: 'replayed' };
  const unshared = await watch.time('share', () => share(telling, current.plan, placed));
  const { warnings: placing = placed.file.trashed ? [IN_TRASH] : [] } = placed;
  const warnings = [...placing, ...unshared];
  const receipt = receiptOf({ ...placed, order, delivery, folderId: current.plan.folderId, warnings, ledger });
  return watch.time('record', () => record(telling, claimed.claim, receipt));
};

/**
 * One delivery, told in order: allowed? claimed before? place, bytes, share, record, receipt.
 * (The key to Drive is fetched by the first call that needs it; the bytes are verified as part of putting them.)
 */
export const createDeliver =
  (dependencies: DeliverDependencies) =>
  (sent: Delivery): Promise<Receipt> => {
    const { allow, now, telemetry } = dependencies;
    const { caller, options, source, idempotencyKey, signal, deadlineMs } = sent;
    const log = dependencies.log.child({ requestId: sent.requestId });
    const ledger = ledgerOf(dependencies.ledger, caller.sub);
    const asked = {
      ...{ caller, destination: options.destination, name: options.name, size: source.size, idempotencyKey },
      ...(sent.allowedDestinations === undefined ? {} : { message: { signal } }),
    };
    const audit = beginAudit(asked, { now, log, telemetry });
    const endings: (() => Promise<void>)[] = [];

    return audit.tell(async () => {
      const place = allow(caller, options.destination, sent.allowedDestinations);
      audit.settled(place.name);
      checkSize(source.size, place);
      const order = settle(place, options);
      const delivery = withConversionType(sent, order);
      const context: CallContext = { signal, deadlineMs, tally: audit.tally };
      try {
        return await carryOut({ ...dependencies, ledger, log, delivery, order, context, audit }, (work) =>
          endings.push(work),
        );
      } finally {
        for (const end of endings) await end();
      }
    });
  };
