import type { Receipt } from '../../domain.ts';
import type { CallContext, Drive, DriveFile, ReceivedBytes, UploadRequest, UploadTarget } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import { acquireLease, fileLeaseKey, type Lease, mustHold, underLease } from '../../ledger/lease.ts';
import { carriesDigest, isOwnFile } from '../idempotency.ts';
import { isThere } from '../naming/names.ts';
import { createNamesakeCheck } from '../naming/namesake.ts';
import type { Plan } from '../plan.ts';
import { checkUntilFresh, MAX_LOOK_AGE_MS } from '../../look-age.ts';
import { createUnansweredCommits, type UnansweredCommits } from './unanswered-commits.ts';
import { giveUpId, mustGet, type UploadStep } from './upload-step.ts';

/**
 * The last checks before the request that turns a delivery's bytes into the content of a file.
 *
 * Drive has no conditional update, so a lease in the ledger keeps two deliveries to one file apart: the one that holds it
 * checks the file, writes, verifies and records its receipt before the next one checks. A copy of a delivery that was
 * answered finds the receipt and writes nothing, so newer bytes stay.
 */
export interface CommitGuard {
  /**
   * What the upload gets: `beforeCommit`, the revision that it saw, and a signal that aborts when the delivery ends or the
   * lease is about to expire, which is checked before each request. The guard is told of the requests, because the lease is not
   * released as long as one of them may still take effect.
   */
  readonly options: Pick<
    UploadRequest,
    'beforeCommit' | 'seenRevision' | 'signal' | 'beforeSend' | 'onCommit' | 'onSideEffect'
  >;
  /**
   * For requests after the upload that may be sent only while the lease is held, also if the delivery's own time is over: once
   * it has expired, another try may be answered with what this one has written.
   */
  readonly afterwards: Pick<CallContext, 'signal' | 'beforeSend' | 'onSend'>;
  /** Another try's receipt, if that is why nothing was written. */
  receipt(): Receipt | undefined;
}

const targetChanged = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'The file to be replaced was renamed, moved or removed in the meantime.',
    remedy: 'Try again. The next try uses the file that has the name then.',
  });

type Revisions = Awaited<ReturnType<Drive['revisions']>>;

/** Lists the revisions of a file, but not again for the same newest one. */
const createRevisionList = ({ request, context }: UploadStep): ((file: DriveFile) => Promise<Revisions>) => {
  let known: { head: string; revisions: Revisions } | undefined;
  return async ({ id, headRevisionId: head }) => {
    if (known !== undefined && known.head === head) return known.revisions;
    const revisions = await request.destination.drive.revisions(id, context);
    if (head !== undefined) known = { head, revisions };
    return revisions;
  };
};

/** Whether Drive's checksum shows that the file has these bytes. Drive may lack the SHA-256 of a file. */
const hasBytes = (file: DriveFile, { sha256, md5, size }: ReceivedBytes): boolean =>
  file.sha256Checksum === undefined
    ? md5 !== undefined && file.md5Checksum === md5 && file.size === size
    : file.sha256Checksum === sha256;

/** Whether the bytes were in the file at some time since the delivery was planned, even if they were replaced since. */
const wereStored = async (
  plan: Plan,
  { file, bytes, former }: { file: DriveFile; bytes: ReceivedBytes; former: string | undefined },
  revisionsOf: (file: DriveFile) => Promise<Revisions>,
): Promise<boolean> => {
  if (hasBytes(file, bytes)) return true;
  if (bytes.md5 === undefined || file.headRevisionId === undefined) return false;
  const revisions = await revisionsOf(file);
  // A file that did not exist when the delivery was planned has only newer revisions.
  const before = plan.kind === 'create' ? -1 : revisions?.findIndex(({ id }) => id === former);
  if (revisions === undefined || before === undefined || (plan.kind !== 'create' && before === -1)) return false;
  return revisions.slice(before + 1).some(({ md5Checksum }) => md5Checksum === bytes.md5);
};

/** Whether the key's bytes may be written over a file that the key has created and that has other bytes. */
const mayRestore = async (
  plan: Plan,
  file: DriveFile,
  revisionsOf: (file: DriveFile) => Promise<Revisions>,
): Promise<boolean> => {
  if (plan.kind === 'create' && plan.rule === 'replace') return true;
  return (await revisionsOf(file))?.length === 1;
};

/**
 * The key's file never held the key's bytes, and another writer has written other bytes to it since. Those stay. With
 * onConflict=new the next try creates another file; otherwise that file is now the one of the name.
 * @returns the error that ends this try
 */
const leaveToOthers = async (
  step: UploadStep,
  plan: Plan & { kind: 'create' },
  file: DriveFile,
): Promise<CourierError> => {
  const { request, claim } = step;
  if (plan.nameKey === undefined || file.trashed) {
    await giveUpId(step, plan, { unusable: file.id });
    return targetChanged();
  }
  if (plan.rule === 'fail') {
    return new CourierError('name-taken', {
      detail: `"${request.name}" is already in the folder, with other content.`,
    });
  }
  await claim?.revise({ kind: 'skip', fileId: file.id, folderId: plan.folderId });
  return targetChanged();
};

/**
 * What a look at the file to be replaced shows: an attempt whose answer was lost has already put these bytes into it, or they
 * may be written.
 * @throws CourierError if the file is not to be replaced any more
 */
const judgeTarget = async (
  step: UploadStep,
  {
    target: { formerRevisionId: former, convertTo },
    file,
    bytes,
    mayBeStored,
  }: { target: UploadTarget & { kind: 'replace' }; file: DriveFile; bytes: ReceivedBytes; mayBeStored: boolean },
  revisionsOf: (file: DriveFile) => Promise<Revisions>,
): Promise<'stored' | 'writable'> => {
  const { request, plan, claim } = step;
  const isOwn = plan.kind === 'create' && isOwnFile(claim, file);
  // A revision from before the plan is not this delivery's, even if it holds the same bytes.
  const isUnchanged = former !== undefined && file.headRevisionId === former;
  const canBeDone = mayBeStored && !isUnchanged && convertTo === undefined && (isOwn || file.trashed !== true);
  if (canBeDone && (await wereStored(plan, { file, bytes, former }, revisionsOf))) return 'stored';
  if (isOwn) {
    if (!(await mayRestore(plan, file, revisionsOf))) throw await leaveToOthers(step, plan, file);
    return 'writable';
  }
  if (!isThere({ folderId: plan.folderId, name: request.name }, file)) throw targetChanged();
  return 'writable';
};

/**
 * Whether the ledger must have the bytes of the key before they are sent. A new file with a name of its own has the digest of
 * its bytes as a property, if that is known before the file is created.
 */
const needsNote = (plan: Plan, target: UploadTarget): boolean => {
  const isNamed = plan.kind === 'replace' || (plan.kind === 'create' && plan.rule !== 'new');
  return isNamed || target.kind === 'replace' || !carriesDigest(target);
};

const nameAppeared = (): CourierError =>
  new CourierError('drive-unavailable', {
    detail: 'A file of this name was put into the folder in the meantime.',
    remedy: 'Try again: the next try applies onConflict to that file.',
  });

/** Looks for another file with the name of the planned one. */
const namesakeCheckOf = ({ request, plan, context, now, sleep, plannedAtMs }: UploadStep) => {
  const { name, destination } = request;
  const { folderId, fileId: ownId } = plan;
  const { drive } = destination;
  const find = (): Promise<DriveFile[]> => drive.find(folderId, name, context);
  return createNamesakeCheck({ drive, find, folderId, name, ownId, searchedAtMs: plannedAtMs, context, now, sleep });
};

export interface GuardOptions {
  /**
   * The upload needs the lease of the file: it may put bytes into an existing file, or another try of its key may plan another
   * file while the last request is on its way.
   */
  needsLease: boolean;
  /** The upload creates a file that is the only one of its name. */
  mustBeOnly?: boolean;
  /** Awaited after the last look at a file that is to be replaced. If it took long, the file is looked at again. */
  unlock?: ((fileId: string, leased: CallContext) => Promise<void>) | undefined;
}

export const createCommitGuard = (
  step: UploadStep,
  { needsLease, mustBeOnly = false, unlock }: GuardOptions,
): CommitGuard => {
  const { request, plan, claim, ledger, context, now, sleep, plannedAtMs, atEnd } = step;
  const { drive } = request.destination;
  const expiring = needsLease ? new AbortController() : undefined;
  let lease: Lease | undefined;
  /** The receipt of another try that was faster. */
  let answered: Receipt | undefined;
  /** How often the last request was about to be sent. After the first time, an answer may have been lost. */
  let attempts = 0;
  /** The newest revision at the last look: the one that comes after it may be the upload's own. */
  let seenRevision: string | undefined;
  const findNamesake = mustBeOnly ? namesakeCheckOf(step) : undefined;
  const revisionsOf = createRevisionList(step);
  const commits = needsLease
    ? createUnansweredCommits(step, (shown) => wereStored(plan, shown, revisionsOf))
    : undefined;

  /** For requests that change the file before its bytes are sent. */
  const leased = (): CallContext =>
    lease === undefined ? context : underLease(lease, { ...context, onSend: commits?.onSideEffect });

  /** Held until the receipt is recorded, so that the next delivery to the file finds this one answered. */
  const acquire = async (unanswered: UnansweredCommits, fileId: string, bytes: ReceivedBytes): Promise<void> => {
    if (lease === undefined) {
      const acquired = await acquireLease(ledger, fileLeaseKey(fileId), 'Another delivery to this file', context, {
        ...{ now, sleep, hasTakenEffect: unanswered.hasTakenEffect(fileId, bytes) },
      });
      acquired.signal.addEventListener('abort', () => expiring?.abort(acquired.signal.reason), { once: true });
      lease = acquired;
      atEnd(async () => {
        // Still under the lease. Otherwise the file might be locked again just after the next delivery has unlocked it.
        if (unlock !== undefined) await (await import('./locks.ts')).restoreLocks(step);
        await unanswered.end(acquired);
      });
    }
    mustHold(lease);
  };

  /** The file of another try that has answered meanwhile; undefined if this one may continue. */
  const answerOfKey = async ({ sha256 }: ReceivedBytes): Promise<{ file: DriveFile } | undefined> => {
    const outcome = await claim?.commitTo(sha256, plan);
    if (outcome === undefined || outcome === 'committed') return undefined;
    if (outcome === 'revised') throw targetChanged();
    answered = outcome.receipt;
    return { file: await mustGet(step, answered.id) };
  };

  /**
   * The last check of a file before it is overwritten.
   * @returns the file, if an attempt whose answer was lost has already put these bytes into it; undefined to continue
   */
  const lookAt = async (
    target: UploadTarget & { kind: 'replace' },
    bytes: ReceivedBytes,
  ): Promise<{ file: DriveFile } | undefined> => {
    const mayBeStored = attempts > 1 || claim?.mine === false;
    // Planning has looked at the file a moment ago, and saves the first look. If unlocking takes long, a second one follows.
    let isFirstLookSaved = !mayBeStored && now() - plannedAtMs <= MAX_LOOK_AGE_MS;
    return checkUntilFresh({ now, maxAgeMs: MAX_LOOK_AGE_MS }, async (seen) => {
      if (isFirstLookSaved) {
        isFirstLookSaved = false;
        seen(plannedAtMs);
        await unlock?.(target.id, leased());
        return undefined;
      }
      const file = await drive.get(target.id, context);
      seen();
      commits?.looked();
      if (file === undefined) throw targetChanged();
      seenRevision = file.headRevisionId;
      if ((await judgeTarget(step, { target, file, bytes, mayBeStored }, revisionsOf)) === 'stored') {
        commits?.tookEffect();
        return { file };
      }
      await unlock?.(target.id, leased());
      return undefined;
    });
  };

  // The order matters: first the lease, so that no other delivery writes; then the ledger, so that a finished key writes
  // nothing; Drive last, as close to the write as possible, because people who edit the file know of neither.
  const beforeCommit: UploadRequest['beforeCommit'] = async (bytes, target) => {
    attempts += 1;
    // The file exists, so no request can create it any more.
    if (target.kind === 'replace') commits?.fileExists();
    const fileId = target.kind === 'replace' ? target.id : target.file.id;
    if (commits !== undefined && fileId !== undefined) await acquire(commits, fileId, bytes);
    const answer = needsNote(plan, target) ? await answerOfKey(bytes) : undefined;
    if (answer !== undefined) return answer;
    // The ledger may have been slow, so Drive is queried last.
    if (target.kind === 'replace') return lookAt(target, bytes);
    // The upload may have taken hours, or waited for the lease.
    if ((await findNamesake?.()) !== undefined) throw nameAppeared();
    return undefined;
  };

  const beforeSend = (): void => lease?.check();
  return {
    options: {
      beforeCommit,
      ...(commits === undefined ? {} : { onCommit: commits.onCommit, onSideEffect: commits.onSideEffect }),
      seenRevision: () => seenRevision,
      ...(expiring === undefined
        ? {}
        : { signal: AbortSignal.any([step.delivery.signal, expiring.signal]), beforeSend }),
    },
    afterwards: { signal: expiring?.signal, beforeSend, onSend: commits?.onSideEffect },
    receipt: () => answered,
  };
};
