import type { DriveFile, ReceivedBytes, UploadTarget } from '../../drive/drive.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { acquireLease, type Lease } from '../../ledger/lease.ts';
import { createUnanswered } from '../../unanswered-requests.ts';
import { type Claim, isOwnFile, isSamePlan, KEY_PROPERTY, keyMark, keyProperty } from '../idempotency.ts';
import { rememberConverted } from '../naming/named-file.ts';
import { findConvertedOrCheck } from '../naming/namesake.ts';
import type { Plan } from '../plan.ts';
import { hashOf } from '../receipt.ts';
import { detailsOfNew, marksOfNew } from '../resolve-options.ts';
import { CONVERSION_LEASE_MS, endFormerSession, nameLeaseKey } from './name-lease.ts';
import { outOfTrash } from './out-of-trash.ts';
import { mustBeStored, mustGet, planChanged, type StoredFile, type UploadStep, withUpload } from './upload-step.ts';

type Conversion = Plan & { kind: 'convert' };

/** The clocks of Drive and of instances differ by less, in milliseconds. */
const MAX_SKEW_MS = 3_600_000;

/** Whether a document in another folder is of this use of the key, and not of an earlier one that the ledger no longer knows. */
const isRecent = ({ createdTime }: DriveFile, { claimedAtMs }: Claim): boolean =>
  Date.parse(createdTime) + MAX_SKEW_MS > claimedAtMs;

/**
 * The document of another try with this key that was not answered. Drive's search finds it by its private property, but late.
 * It is still the key's document if a person has renamed or moved it, or its folder.
 */
const findUnanswered = async ({ request, plan, context }: UploadStep, claim: Claim): Promise<DriveFile | undefined> => {
  const { drive } = request.destination;
  const marked = await drive.findMarked(plan.folderId, KEY_PROPERTY, keyMark(claim.key), context);
  return marked.find(({ parents }) => parents.includes(plan.folderId)) ?? marked.find((file) => isRecent(file, claim));
};

const findAnswered = async (step: UploadStep, claim: Claim): Promise<DriveFile | undefined> => {
  const receipt = await claim.refresh();
  return receipt === undefined ? undefined : mustGet(step, receipt.id);
};

/** One conversion at a time for each name; with onConflict=new, for each key. */
const leaseKey = ({ request, claim }: UploadStep, plan: Conversion): string | undefined => {
  if (plan.rule !== 'new') return nameLeaseKey(request, plan);
  return claim === undefined ? undefined : `convert:${claim.key}`;
};

/** The document that the name has now. The search for it is repeated if what followed it took long. */
const findNamed = async (step: UploadStep, { rule, folderId }: Conversion): Promise<DriveFile | undefined> => {
  if (rule === 'new') return undefined;
  const { request, ledger, context, log, now, sleep } = step;
  const { name, destination } = request;
  const named = { drive: destination.drive, ledger, folderId, name, context, log, now, sleep };
  const found = await findConvertedOrCheck(named);
  return 'file' in found ? found.file : found.findNamesake();
};

const guardConversion = (step: UploadStep, plan: Conversion) => {
  const { claim, ledger, context, now, sleep } = step;
  const expired = new AbortController();
  const requests = createUnanswered();
  let wasSent = false;
  let lease: Lease | undefined;
  /** The document of the conversion that held the lease before. */
  let former: DriveFile | undefined;

  /** No request is sent once the lease has expired, because another try may be converting. One that was sent is awaited. */
  const beforeSend = (): void => {
    lease?.check();
    if (lease?.signal.aborted) expired.abort(lease.signal.reason);
  };

  const isOfKey = (file: DriveFile, ofClaim: Claim): boolean =>
    isOwnFile(ofClaim, file) && (file.parents.includes(plan.folderId) || isRecent(file, ofClaim));

  /** Waits until no other try is converting. @returns whether one may have made the document of this key */
  const acquire = async (key: string, sessionUri: string | undefined): Promise<boolean> => {
    const startedMs = now();
    lease = await acquireLease(ledger, key, 'Another conversion of this name or key', context, {
      ...{ now, sleep, ttlMs: CONVERSION_LEASE_MS, note: sessionUri },
      endFormerWork: async (formerUri) => {
        former = await endFormerSession(step, { folderId: plan.folderId, isNamed: plan.rule !== 'new' }, formerUri);
      },
    });
    return lease.takenOver || claim?.mine === false || now() > startedMs;
  };

  /** The document that another try of this key has made. @throws CourierError if another try has noted another plan */
  const findOwn = async (ofClaim: Claim, mayBeMade: boolean): Promise<DriveFile | undefined> => {
    const answered = await findAnswered(step, ofClaim);
    if (answered !== undefined) return answered;
    // While this try waited for the lease, another one may have held it to note another plan.
    if (!isSamePlan(ofClaim.plan(), plan)) throw planChanged();
    if (!mayBeMade) return undefined;
    return former !== undefined && isOfKey(former, ofClaim) ? former : findUnanswered(step, ofClaim);
  };

  /** Looks for what others have made. @returns the document of this key */
  const look = async (mayBeMade: boolean): Promise<{ file: DriveFile } | undefined> => {
    const own = claim === undefined ? undefined : await findOwn(claim, mayBeMade);
    if (own !== undefined) return { file: own };
    const named = await findNamed(step, plan);
    if (named === undefined) return undefined;
    // The ledger may know the document of another try before Drive's search shows it.
    if (isOwnFile(claim, named)) return { file: named };
    throw new CourierError('drive-unavailable', {
      detail: 'Another delivery has made a document of this name in the meantime.',
      remedy: 'Try again: the next try applies onConflict to it.',
    });
  };

  return {
    lease: () => lease,
    /** Whether a request was sent that may have made the document, or may still make it. */
    mayBeMade: (error: CourierError) => requests.count() > 0 || (wasSent && error.retryable),
    onCommit() {
      wasSent = true;
      return requests.onSend();
    },
    beforeSend,
    signal: AbortSignal.any([step.delivery.signal, expired.signal]),
    async beforeCommit({ sha256 }: ReceivedBytes, _target: UploadTarget, sessionUri?: string) {
      const outcome = await claim?.commitTo(sha256, plan);
      if (outcome === 'revised') throw planChanged();
      if (typeof outcome === 'object') return { file: await mustGet(step, outcome.receipt.id) };
      if (lease?.signal.aborted) throw lease.signal.reason;
      const key = leaseKey(step, plan);
      if (key === undefined) return undefined;
      // The attempt before may have made the document, and a person may have made one of the name.
      return look(lease === undefined ? await acquire(key, sessionUri) : true);
    },
  };
};

/** An earlier try has made the document, so the bytes of this one are only compared. */
const replayConversion = async (
  step: UploadStep,
  plan: Conversion,
  claim: Claim,
  file: DriveFile,
): Promise<StoredFile> => {
  const received = await hashOf(step.delivery.source, step.request.destination.config.maxBytes);
  await claim.commitTo(received.sha256, plan);
  return { ...(await outOfTrash(step, file)), outcome: 'replayed', isNew: true, received };
};

/**
 * Bytes that become a new Google Docs file.
 * @param known the document of an earlier try, if it was found when the plan was checked
 */
export const convert = async (step: UploadStep, plan: Conversion, known?: DriveFile): Promise<StoredFile> => {
  const { request, delivery, claim, ledger, context, log, now, atEnd } = step;
  const { name, destination } = request;
  const { drive } = destination;
  const { folderId } = plan;
  if (claim !== undefined && !claim.mine) {
    const earlier = known ?? (await findAnswered(step, claim)) ?? (await findUnanswered(step, claim));
    if (earlier !== undefined) return replayConversion(step, plan, claim, earlier);
  }
  const guard = guardConversion(step, plan);
  const file = {
    ...{ name, folderId, mimeType: delivery.source.mimeType, convertTo: plan.target },
    appProperties: {
      ...keyProperty(claim),
      ...marksOfNew(request, folderId),
    },
    ...detailsOfNew(step.request),
  };
  try {
    const { beforeCommit, onCommit, beforeSend, signal } = guard;
    const uploaded = mustBeStored(
      await withUpload(step, { beforeCommit, onCommit, beforeSend, signal }, ({ send }) =>
        send({ kind: 'create', file }),
      ),
    );
    const { received } = uploaded;
    const stopped = uploaded.kind === 'superseded';
    const isUnnamed = stopped || plan.rule === 'new';
    const isKnown =
      isUnnamed || (await rememberConverted({ drive, ledger, folderId, name, context, log, now }, uploaded.file.id));
    const moves = createUnanswered();
    // If the ledger has neither the name's document nor the receipt, only the session tells the next conversion of the name or
    // key about it: Drive's search may be late. So the lease is left to it.
    atEnd(async () => {
      const isAnswered = claim === undefined || claim.isFinished();
      if (isKnown && isAnswered && moves.count() === 0) await guard.lease()?.release();
      else await guard.lease()?.abandon();
    });
    const lease = guard.lease();
    return {
      ...(await outOfTrash(step, uploaded.file, lease && { lease, requests: moves })),
      outcome: stopped ? 'replayed' : 'created',
      isNew: true,
      received,
    };
  } catch (error) {
    // Without a request, or after a permanent error, nothing was created, so the next try does not have to wait.
    if (guard.mayBeMade(asCourierError(error))) await guard.lease()?.abandon();
    else await guard.lease()?.release();
    throw error;
  }
};
