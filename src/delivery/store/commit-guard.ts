import type { Receipt } from '../../domain.ts';
import type { CallContext, DriveFile, ReceivedBytes, UploadRequest, UploadTarget } from '../../drive/drive.ts';
import { CourierError } from '../../errors.ts';
import { acquireLease, endLease, fileLeaseKey, type Lease, mustHold, underLease } from '../../ledger/lease.ts';
import { carriesDigest } from '../idempotency.ts';
import { createNamesakeCheck } from '../naming/namesake.ts';
import type { Plan } from '../plan.ts';
import { checkUntilFresh, MAX_LOOK_AGE_MS } from '../../look-age.ts';
import { createUnanswered } from '../../unanswered-requests.ts';
import { judgeTarget, type Revisions, targetChanged, wereStored } from './judge-target.ts';
import { createUnansweredCommits, type UnansweredCommits } from './unanswered-commits.ts';
import { mustGet, type UploadStep } from './upload-step.ts';

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
    'beforeCommit' | 'seenRevision' | 'signal' | 'beforeSend' | 'onCommit' | 'beforeUndo'
  >;
  /**
   * For requests after the upload that may be sent only while the lease is held, also if the delivery's own time is over: once
   * it has expired, another try may be answered with what this one has written.
   */
  readonly afterwards: Pick<CallContext, 'signal' | 'beforeSend' | 'onSend'>;
  /** Another try's receipt, if that is why nothing was written. */
  receipt(): Receipt | undefined;
}

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

/** Milliseconds to wait for the lease of a file with wrong bytes. The request's own time may have ended. */
const MAX_UNDO_WAIT_MS = 15_000;

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

  /**
   * Wrong bytes are removed under the lease of their file, also if it was created without. Otherwise, Drive might carry out the
   * request of a process that has died, and move to the trash what another delivery, or a later try, has written to the file.
   */
  const beforeUndo = async (fileId: string): Promise<CallContext> => {
    const under = (held: Lease, onSend: CallContext['onSend']): CallContext =>
      underLease<CallContext>(held, { onSend });
    if (lease !== undefined) return under(lease, commits?.onSideEffect);
    const wait = { maxWaitMs: MAX_UNDO_WAIT_MS };
    const times = { now, sleep };
    const acquired = await acquireLease(ledger, fileLeaseKey(fileId), 'Another delivery to this file', wait, times);
    const requests = createUnanswered();
    atEnd(() => endLease(acquired, requests));
    return under(acquired, requests.onSend);
  };

  const beforeSend = (): void => lease?.check();
  return {
    options: {
      beforeCommit,
      beforeUndo,
      ...(commits === undefined ? {} : { onCommit: commits.onCommit }),
      seenRevision: () => seenRevision,
      ...(expiring === undefined
        ? {}
        : { signal: AbortSignal.any([step.delivery.signal, expiring.signal]), beforeSend }),
    },
    afterwards: { signal: expiring?.signal, beforeSend, onSend: commits?.onSideEffect },
    receipt: () => answered,
  };
};
