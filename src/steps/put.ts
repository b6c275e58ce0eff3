import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery, Outcome } from '../delivery.ts';
import type { CallContext, DriveFile, Uploaded, UploadRequest } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Claim, type ClaimRecord, claimBytes, hashOf, keyMark, sameBytes } from './claim.ts';
import type { Plan } from './plan.ts';
import type { Order } from './settle.ts';

/** Private properties of a file: which key it is for, and which try made it. */
const KEY_PROPERTY = 'courierKey';
const TRY_PROPERTY = 'courierTry';

/** How long a conversion whose first try has not answered is waited for, in milliseconds. */
const CONVERSION_PATIENCE_MS = 60_000;

export interface Put {
  order: Order;
  plan: Plan;
  delivery: Delivery;
  claim: Claim | undefined;
  ledger: Ledger;
  context: CallContext;
  now: () => number;
}

export interface Placed {
  file: DriveFile;
  outcome: Outcome;
  received?: { sha256: string; size: number };
}

const nameTaken = (name: string): CourierError =>
  new CourierError('name-taken', { detail: `"${name}" is already in the folder.` });

const mustGet = async ({ order, context }: Put, id: string): Promise<DriveFile> => {
  const file = await order.place.drive.get(id, context);
  if (file === undefined) throw new CourierError('drive-unavailable', { detail: 'Drive does not show the file yet.' });
  return file;
};

const outcomeOf = (first: 'created' | 'replaced', claim: Claim | undefined): Outcome =>
  claim === undefined || claim.mine ? first : 'replayed';

type Shared = Omit<UploadRequest, 'target'>;

const sharedRequest = ({ order, delivery, context }: Put): Shared => ({
  ...context,
  source: delivery.source,
  maxBytes: order.place.config.maxBytes,
  ...(delivery.expectedSha256 === undefined ? {} : { expectedSha256: delivery.expectedSha256 }),
});

/** Where the engine keeps its session, so that a redelivery goes on at the byte Drive has acknowledged. */
const resumption = ({ claim, plan, ledger, delivery }: Put): Pick<Shared, 'resume'> => {
  if (claim === undefined || delivery.source.openAt === undefined || delivery.source.identity === undefined) return {};
  const keep = (sessionUri: string): Promise<void> => {
    const record: ClaimRecord = { plan, sessionUri };
    return ledger.record(claim.key, { state: 'claimed', record });
  };
  return { resume: { keep, ...(claim.sessionUri === undefined ? {} : { sessionUri: claim.sessionUri }) } };
};

/** Drive had a file of this id. Whose is it, and what follows? */
const settleExisting = ({ order, plan, claim }: Put, { file, sha256, size }: Uploaded, marks: Marks): Placed => {
  const received = { sha256, size };
  const ours = file.appProperties[TRY_PROPERTY] === marks[TRY_PROPERTY];
  const ourKeys = claim !== undefined && file.appProperties[KEY_PROPERTY] === marks[KEY_PROPERTY];
  if (ours || ourKeys || (plan.kind === 'create' && plan.rule === 'new')) {
    if (claim !== undefined) sameBytes(sha256, file.sha256Checksum);
    return { file, outcome: ours || claim === undefined ? 'created' : 'replayed', received };
  }
  if (plan.kind === 'create' && plan.rule === 'skip') return { file, outcome: 'skipped' };
  throw nameTaken(order.name);
};

type Marks = Record<string, string>;

const create = async (put: Put, plan: Plan & { kind: 'create' }): Promise<Placed> => {
  const { order, delivery, claim } = put;
  const marks: Marks = {
    [TRY_PROPERTY]: randomUUID(),
    ...(claim === undefined ? {} : { [KEY_PROPERTY]: keyMark(claim.key) }),
  };
  const uploaded = await order.place.drive.upload({
    ...sharedRequest(put),
    ...resumption(put),
    target: {
      kind: 'create',
      file: {
        id: plan.fileId,
        name: order.name,
        mimeType: delivery.source.mimeType,
        folderId: plan.folderId,
        appProperties: marks,
        ...(order.description === undefined ? {} : { description: order.description }),
      },
    },
    ifExists: plan.rule === 'replace' ? 'replace' : 'answer',
    folderGone: async () => {
      if (order.path === '') return undefined;
      return (await order.place.folders.ensure(order.place.config.folder, order.path, { ...put.context, fresh: true }))
        .folderId;
    },
  });
  const { file, sha256, size } = uploaded;
  if (uploaded.existed && !uploaded.replaced) return settleExisting(put, uploaded, marks);
  return { file, outcome: uploaded.replaced ? outcomeOf('replaced', claim) : 'created', received: { sha256, size } };
};

const bytesClaim = ({ claim, ledger, now }: Put): Pick<Shared, 'beforeCommit'> =>
  claim === undefined ? {} : { beforeCommit: ({ sha256 }) => claimBytes(ledger, claim.key, sha256, now()) };

const replace = async (put: Put, plan: Plan & { kind: 'replace' }): Promise<Placed> => {
  const { order, delivery, claim } = put;
  const { file, sha256, size } = await order.place.drive.upload({
    ...sharedRequest(put),
    ...resumption(put),
    ...bytesClaim(put),
    target: {
      kind: 'replace',
      id: plan.fileId,
      mimeType: delivery.source.mimeType,
      ...(order.description === undefined ? {} : { description: order.description }),
    },
  });
  return { file, outcome: outcomeOf('replaced', claim), received: { sha256, size } };
};

const skip = async (put: Put, plan: Plan & { kind: 'skip' }): Promise<Placed> => {
  const { source, expectedSha256 } = put.delivery;
  // Read to its end all the same: callers that do not look for an early answer would only see their connection reset.
  if (source.identity === undefined) {
    const sha256 = await hashOf(source, put.order.place.config.maxBytes);
    if (expectedSha256 !== undefined && expectedSha256 !== sha256) throw new CourierError('digest-mismatch');
  }
  return { file: await mustGet(put, plan.fileId), outcome: 'skipped' };
};

/** A conversion of an earlier try with this key, waiting for one that may still be on its way. */
const earlierConversion = async ({ order, plan, claim, context, now }: Put): Promise<DriveFile | undefined> => {
  if (claim === undefined || claim.mine) return undefined;
  for (;;) {
    const [file] = await order.place.drive.findByProperty(plan.folderId, KEY_PROPERTY, keyMark(claim.key), context);
    const patienceEndsMs = Math.min(
      claim.claimedAtMs + CONVERSION_PATIENCE_MS,
      (context.deadlineMs ?? Infinity) - 1_000,
    );
    if (file !== undefined || now() >= patienceEndsMs) return file;
    await sleep(500, undefined, context.signal === undefined ? {} : { signal: context.signal });
  }
};

const convert = async (put: Put, plan: Plan & { kind: 'convert' }): Promise<Placed> => {
  const { order, delivery, claim, ledger, now } = put;
  const earlier = await earlierConversion(put);
  if (claim !== undefined && earlier !== undefined) {
    const sha256 = await hashOf(delivery.source, order.place.config.maxBytes);
    await claimBytes(ledger, claim.key, sha256, now());
    return { file: earlier, outcome: 'replayed', received: { sha256, size: delivery.source.size ?? 0 } };
  }
  const { file, sha256, size } = await order.place.drive.upload({
    ...sharedRequest(put),
    ...bytesClaim(put),
    target: {
      kind: 'create',
      file: {
        name: order.name,
        mimeType: delivery.source.mimeType,
        folderId: plan.folderId,
        convertTo: plan.target,
        ...(claim === undefined ? {} : { appProperties: { [KEY_PROPERTY]: keyMark(claim.key) } }),
        ...(order.description === undefined ? {} : { description: order.description }),
      },
    },
  });
  return { file, outcome: 'created', received: { sha256, size } };
};

/** Does what was planned, and says what came of it. */
export const putBytes = (put: Put): Promise<Placed> => {
  const { plan } = put;
  switch (plan.kind) {
    case 'create':
      return create(put, plan);
    case 'replace':
      return replace(put, plan);
    case 'skip':
      return skip(put, plan);
    case 'convert':
      return convert(put, plan);
  }
};
