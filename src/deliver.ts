import type { Delivery, Receipt } from './delivery.ts';
import type { CallContext } from './drive/drive.ts';
import { shareFile } from './drive/share.ts';
import { asCourierError } from './errors.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import { beginAudit } from './steps/audit.ts';
import { type Claim, claimKey, deliveryKey, lookUp, replay } from './steps/claim.ts';
import { withConversionType } from './steps/conversion-type.ts';
import { choosePlan, type Plan } from './steps/plan.ts';
import { putBytes } from './steps/put.ts';
import type { Placed } from './steps/put-request.ts';
import { receiptOf } from './steps/receipt.ts';
import { type Allow, checkSize, fingerprint, type Order, settle } from './steps/settle.ts';
import type { Telemetry } from './telemetry.ts';

export interface DeliverDependencies {
  allow: Allow;
  ledger: Ledger;
  now: () => number;
  log: Log;
  telemetry?: Telemetry | undefined;
}

interface Telling extends DeliverDependencies {
  delivery: Delivery;
  order: Order;
  context: CallContext;
}

const findFolder = async ({ order, context }: Telling): Promise<string> =>
  (await order.place.folders.ensure(order.place.config.folder, order.path, context)).folderId;

const plan = async (telling: Telling): Promise<Plan> => {
  const { source } = telling.delivery;
  // Nothing is made ready for what can never come.
  if (source.gone !== undefined) throw source.gone;
  return choosePlan({ ...telling, folderId: await findFolder(telling), source });
};

/** The claim of this delivery's key, or the receipt that it already has; neither for a delivery without a key. */
const claim = async (telling: Telling): Promise<{ claim?: Claim } | { receipt: Receipt }> => {
  const { delivery, order, ledger, now } = telling;
  if (delivery.idempotencyKey === undefined) return {};
  const key = deliveryKey(delivery.caller, delivery.idempotencyKey);
  const print = fingerprint('bytes', delivery, order.place.name);
  const earlier = await lookUp(ledger, key, print);
  if (earlier !== undefined) return earlier;
  try {
    return await claimKey(ledger, { key, fingerprint: print, plan: await plan(telling), nowMs: now() });
  } catch (error) {
    // The file in the way may be this key's own, made by another try since we looked.
    const made = asCourierError(error).code === 'name-taken' ? await lookUp(ledger, key, print) : undefined;
    if (made === undefined) throw error;
    return made;
  }
};

/** Shares a file that this delivery, or an earlier try of it that never answered, has made; a replaced one keeps its sharing. */
const share = ({ order, context, log }: Telling, { kind }: Plan, { file, outcome }: Placed): Promise<string[]> =>
  outcome === 'created' || (outcome === 'replayed' && kind !== 'replace')
    ? shareFile({ drive: order.place.drive, fileId: file.id, share: order.place.config.share, context, log })
    : Promise.resolve([]);

/** Keeps the receipt under the key. The file is safe and claimed by now: a ledger that fails here costs the next try a comparison, not a twin. */
const record = async ({ ledger, log }: Telling, claim: Claim | undefined, receipt: Receipt): Promise<void> => {
  if (claim === undefined) return;
  try {
    await ledger.record(claim.key, { state: 'done', record: receipt });
  } catch (error) {
    log.warn({ error, fileId: receipt.id }, 'the receipt could not be recorded; the claim stands');
  }
};

/**
 * One delivery, told in order: allowed? claimed before? place, bytes, share, record, receipt.
 * (The key to Drive is fetched by the first call that needs it; the bytes are verified as part of putting them.)
 */
export const createDeliver =
  (dependencies: DeliverDependencies) =>
  (sent: Delivery): Promise<Receipt> => {
    const { allow, ledger, now, telemetry } = dependencies;
    const { caller, options, source, idempotencyKey, signal, deadlineMs } = sent;
    const log = dependencies.log.child({ requestId: sent.requestId });
    const asked = { caller, destination: options.destination, name: options.name, size: source.size, idempotencyKey };
    const { tell, settled, watch, tally } = beginAudit(asked, { now, log, telemetry });

    return tell(async () => {
      const place = allow(caller, options.destination, sent.allowedDestinations);
      settled(place.name);
      checkSize(source.size, place);
      const order = settle(place, options);
      const delivery = withConversionType(sent, order);
      const context: CallContext = { signal, deadlineMs, tally };
      const telling: Telling = { ...dependencies, log, delivery, order, context };

      const claimed = await watch.time('claim', () => claim(telling));
      if ('receipt' in claimed) {
        const { expectedSha256 } = delivery;
        const { maxBytes } = place.config;
        return watch.time('replay', () => replay(claimed.receipt, { source, expectedSha256, maxBytes }));
      }
      const chosen = claimed.claim?.plan ?? (await watch.time('place', () => plan(telling)));
      const put = { order, plan: chosen, delivery, claim: claimed.claim, ledger, context, log, now };
      const placed = await watch.time('put', () => putBytes(put));
      const warnings = await watch.time('share', () => share(telling, chosen, placed));
      const receipt = receiptOf({ ...placed, order, delivery, folderId: chosen.folderId, warnings });
      await watch.time('record', () => record(telling, claimed.claim, receipt));
      return receipt;
    });
  };
