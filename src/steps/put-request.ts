import type { Delivery, Outcome } from '../delivery.ts';
import type { CallContext, DriveFile, UploadRequest } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Claim, ClaimRecord } from './claim.ts';
import type { Plan } from './plan.ts';
import type { Order } from './settle.ts';

/** Private property of a file: which key it is for. */
export const KEY_PROPERTY = 'courierKey';

export interface Put {
  order: Order;
  plan: Plan;
  delivery: Delivery;
  claim: Claim | undefined;
  ledger: Ledger;
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
}

export interface Placed {
  file: DriveFile;
  outcome: Outcome;
  received?: { sha256: string; size: number };
  warnings?: readonly string[];
}

export type SharedRequest = Omit<UploadRequest, 'target'>;

/** What every upload of a delivery says. */
export const sharedRequest = ({ order, delivery, context }: Put): SharedRequest => ({
  ...context,
  source: delivery.source,
  maxBytes: order.place.config.maxBytes,
  ...(delivery.expectedSha256 === undefined ? {} : { expectedSha256: delivery.expectedSha256 }),
});

export const descriptionOf = ({ order }: Put): { description?: string } =>
  order.description === undefined ? {} : { description: order.description };

export const mustGet = async ({ order, context }: Put, id: string): Promise<DriveFile> => {
  const file = await order.place.drive.get(id, context);
  if (file === undefined) throw new CourierError('drive-unavailable', { detail: 'Drive does not show the file yet.' });
  return file;
};

export const outcomeOf = (first: 'created' | 'replaced', claim: Claim | undefined): Outcome =>
  claim === undefined || claim.mine ? first : 'replayed';

/** Where the engine keeps its session, so that a redelivery goes on at the byte Drive has acknowledged. */
export const resumption = ({ claim, plan, ledger, delivery }: Put): Pick<SharedRequest, 'resume'> => {
  if (claim === undefined || delivery.source.openAt === undefined || delivery.source.identity === undefined) return {};
  const keep = (sessionUri: string): Promise<void> => {
    const record: ClaimRecord = { plan, sessionUri };
    return ledger.record(claim.key, { state: 'claimed', record });
  };
  return { resume: { keep, ...(claim.sessionUri === undefined ? {} : { sessionUri: claim.sessionUri }) } };
};
