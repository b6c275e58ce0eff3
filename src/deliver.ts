import type { Delivery, Receipt } from './delivery.ts';
import { callerName } from './delivery.ts';
import type { CallContext } from './drive/drive.ts';
import { shareFile } from './drive/share.ts';
import type { CallTally } from './google/transport.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Log } from './log.ts';
import { type Claim, claimKey, deliveryKey, lookUp, replay } from './steps/claim.ts';
import { choosePlan, type Plan } from './steps/plan.ts';
import { type Placed, putBytes } from './steps/put.ts';
import { receiptOf } from './steps/receipt.ts';
import { type Allow, checkSize, fingerprint, type Order, settle } from './steps/settle.ts';
import { createStopwatch } from './steps/stopwatch.ts';

export interface DeliverDependencies {
  allow: Allow;
  ledger: Ledger;
  now: () => number;
  log: Log;
}

interface Telling extends DeliverDependencies {
  delivery: Delivery;
  order: Order;
  context: CallContext;
}

const findFolder = async ({ order, context }: Telling): Promise<string> =>
  (await order.place.folders.ensure(order.place.config.folder, order.path, context)).folderId;

const plan = async (telling: Telling): Promise<Plan> =>
  choosePlan({ ...telling, folderId: await findFolder(telling), source: telling.delivery.source });

/** The claim of this delivery's key, or the receipt that it already has; neither for a delivery without a key. */
const claim = async (telling: Telling): Promise<{ claim?: Claim } | { receipt: Receipt }> => {
  const { delivery, order, ledger, now } = telling;
  if (delivery.idempotencyKey === undefined) return {};
  const key = deliveryKey(delivery.caller, delivery.idempotencyKey);
  const print = fingerprint('bytes', delivery, order.place.name);
  return (
    (await lookUp(ledger, key, print)) ??
    claimKey(ledger, { key, fingerprint: print, plan: await plan(telling), nowMs: now() })
  );
};

/** Shares a file that this delivery, or an earlier try of it that never answered, has made. */
const share = ({ order, context, log }: Telling, { file, outcome }: Placed): Promise<string[]> =>
  outcome === 'created' || outcome === 'replayed'
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
  async (delivery: Delivery): Promise<Receipt> => {
    const { allow, ledger, now } = dependencies;
    const tally: CallTally = { calls: 0, retries: 0 };
    const watch = createStopwatch(now);
    const context: CallContext = { signal: delivery.signal, deadlineMs: delivery.deadlineMs, tally };
    const log = dependencies.log.child({ requestId: delivery.requestId });

    const place = allow(delivery.caller, delivery.options.destination);
    checkSize(delivery.source.size, place);
    const order = settle(place, delivery.options);
    const telling: Telling = { ...dependencies, log, delivery, order, context };

    const claimed = await watch.time('claim', claim(telling));
    if ('receipt' in claimed) {
      const { source, expectedSha256 } = delivery;
      return replay(claimed.receipt, { source, expectedSha256, maxBytes: place.config.maxBytes });
    }
    const chosen = claimed.claim?.plan ?? (await watch.time('place', plan(telling)));
    const put = { order, plan: chosen, delivery, claim: claimed.claim, ledger, context, now };
    const placed = await watch.time('put', putBytes(put));
    const warnings = await watch.time('share', share(telling, placed));
    const receipt = receiptOf({ ...placed, order, delivery, folderId: chosen.folderId, warnings });
    await watch.time('record', record(telling, claimed.claim, receipt));
    log.info(
      { audit: { ...receipt, caller: callerName(delivery.caller), tally, milliseconds: watch.laps() } },
      `delivered ${receipt.outcome}`,
    );
    return receipt;
  };
