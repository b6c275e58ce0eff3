import type { DriveFile, ReceivedBytes } from '../../drive/drive.ts';
import { asCourierError, CourierError } from '../../errors.ts';
import { acquireLease, type Lease } from '../../ledger/lease.ts';
import { type Claim, hashOf, isOwnFile, KEY_PROPERTY, keyMark, keyProperty } from '../idempotency.ts';
import { findConverted, rememberConverted } from '../naming/named-file.ts';
import type { Plan } from '../plan.ts';
import { detailsOfNew, marksOfNew, type ResolvedRequest } from '../resolve-options.ts';
import {
  mustBeStored,
  mustGet,
  outOfTrash,
  planChanged,
  type StoredFile,
  type UploadStep,
  withUpload,
} from './upload-step.ts';

/**
 * Drive accepts no id for a conversion, so a lease prevents a second one: one try at a time creates the document, and
 * renews the lease while it works. If its process ends, the lease lapses, and by then Drive's search shows the document.
 */
export const CONVERSION_LEASE_MS = 60_000;

/** The key of the lease on a name. A sheet that is made for rows takes the same one. */
export const nameLeaseKey = ({ name }: Pick<ResolvedRequest, 'name'>, { folderId }: Pick<Plan, 'folderId'>): string =>
  `convert:${JSON.stringify([folderId, name.normalize('NFC')])}`;

type Conversion = Plan & { kind: 'convert' };

/** The clocks of Drive and of instances differ by less, in milliseconds. */
const MAX_SKEW_MS = 3_600_000;

/**
 * The document of another try with this key that was not answered. Drive's search finds it by its private property, but late.
 * It is still the key's document if a person has renamed or moved it, or its folder. A document in another folder that is
 * older than the claim is of an earlier use of the key, which the ledger no longer knows.
 */
const findUnanswered = async ({ request, plan, context }: UploadStep, claim: Claim): Promise<DriveFile | undefined> => {
  const { drive } = request.destination;
  const marked = await drive.findMarked(plan.folderId, KEY_PROPERTY, keyMark(claim.key), context);
  const isOfClaim = ({ createdTime }: DriveFile): boolean => Date.parse(createdTime) + MAX_SKEW_MS > claim.claimedAtMs;
  return marked.find(({ parents }) => parents.includes(plan.folderId)) ?? marked.find(isOfClaim);
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

/** A document of the name that another delivery has made since this one was planned. */
const overtaken = async (step: UploadStep, { rule, folderId }: Conversion): Promise<boolean> => {
  if (rule === 'new') return false;
  const { request, claim, ledger, context, log, now, sleep } = step;
  const { name, destination } = request;
  const made = await findConverted({ drive: destination.drive, ledger, folderId, name, context, log, now, sleep });
  return made !== undefined && !isOwnFile(claim, made);
};

const guardConversion = (step: UploadStep, plan: Conversion) => {
  const { claim, ledger, context, now, sleep } = step;
  const lapsed = new AbortController();
  let lease: Lease | undefined;

  /** No request is sent once the lease has lapsed, because another try may be converting. One that was sent is awaited. */
  const beforeSend = (): void => {
    lease?.check();
    if (lease?.signal.aborted) lapsed.abort(lease.signal.reason);
  };

  /** Waits until no other try is converting. @returns whether one may have made the document of this key */
  const acquire = async (key: string): Promise<boolean> => {
    const startedMs = now();
    lease = await acquireLease(ledger, key, 'Another conversion of this name or key', context, {
      ...{ now, sleep, ttlMs: CONVERSION_LEASE_MS },
    });
    return lease.takenOver || claim?.mine === false || now() > startedMs;
  };

  /** Looks for what others have made. @returns the document of this key */
  const look = async (mayBeMade: boolean): Promise<{ file: DriveFile } | undefined> => {
    if (claim !== undefined && mayBeMade) {
      const file = (await findAnswered(step, claim)) ?? (await findUnanswered(step, claim));
      if (file !== undefined) return { file };
    }
    if (await overtaken(step, plan)) {
      throw new CourierError('drive-unavailable', {
        detail: 'Another delivery has made a document of this name in the meantime.',
        remedy: 'Try again: the next try applies onConflict to it.',
      });
    }
    return undefined;
  };

  return {
    lease: () => lease,
    beforeSend,
    signal: AbortSignal.any([step.delivery.signal, lapsed.signal]),
    async beforeCommit({ sha256 }: ReceivedBytes): Promise<{ file: DriveFile } | undefined> {
      const outcome = await claim?.commitTo(sha256, plan);
      if (outcome === 'revised') throw planChanged();
      if (typeof outcome === 'object') return { file: await mustGet(step, outcome.receipt.id) };
      if (lease?.signal.aborted) throw lease.signal.reason;
      const key = leaseKey(step, plan);
      if (key === undefined) return undefined;
      // The attempt before may have made the document, and a person may have made one of the name.
      return look(lease === undefined ? await acquire(key) : true);
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

/** Bytes that become a new Google Docs file. */
export const convert = async (step: UploadStep, plan: Conversion): Promise<StoredFile> => {
  const { request, delivery, claim, ledger, context, log, now, atEnd } = step;
  const { name, destination } = request;
  const { drive } = destination;
  const { folderId } = plan;
  if (claim !== undefined && !claim.mine) {
    const earlier = (await findAnswered(step, claim)) ?? (await findUnanswered(step, claim));
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
    const { beforeCommit, beforeSend, signal } = guard;
    const uploaded = mustBeStored(
      await withUpload(step, { beforeCommit, beforeSend, signal }, ({ send }) => send({ kind: 'create', file })),
    );
    const { received } = uploaded;
    const stopped = uploaded.kind === 'superseded';
    const isUnnamed = stopped || plan.rule === 'new';
    const isKnown =
      isUnnamed || (await rememberConverted({ drive, ledger, folderId, name, context, log, now }, uploaded.file.id));
    // Without the ledger's note, only Drive's search shows the document to the next conversion of the name, and it may be
    // late. That conversion waits until the lease lapses; by then the search shows the document.
    atEnd(async () => (isKnown ? guard.lease()?.release() : guard.lease()?.abandon()));
    return {
      ...(await outOfTrash(step, uploaded.file)),
      outcome: stopped ? 'replayed' : 'created',
      isNew: true,
      received,
    };
  } catch (error) {
    // After a permanent error nothing was created, so the next try does not have to wait. Otherwise the request may still take effect.
    if (asCourierError(error).retryable) guard.lease()?.abandon();
    else await guard.lease()?.release();
    throw error;
  }
};
