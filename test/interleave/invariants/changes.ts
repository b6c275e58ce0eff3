import { type Ack, type Attempt, firstAck, identityOf } from '../monitor.ts';
import { isSession } from '../scenario.ts';
import { type Change, headOf } from '../schedules/history.ts';
import { checkFolder } from './archives.ts';
import { changesByPerson, type Facts, identityOfAuthor, isCouriers, isFile, isWrite, violate } from './facts.ts';
import { checkRetention, isRetention } from './retention.ts';

const attemptOf = ({ monitor }: Facts, { author }: Change): Attempt | undefined =>
  monitor.attempts.find(({ actor, number }) => actor === author.actor && number === author.attempt);

/** Whether a file is moved out of a folder in the trash, where people would not find it. */
const isTakenOutOfTrash = ({ kind, before, after }: Change): boolean =>
  kind === 'untrashed' || (kind === 'moved' && before?.trashed === true && after?.trashed === false);

/** When the attempt began that has planned the upload session. */
const openedStepOf = ({ monitor }: Facts, attempt: Attempt, fileId: string): number =>
  monitor.planned.findLast(({ identity, plan }) => identity === identityOf(attempt) && plan.fileId === fileId)
    ?.startStep ?? attempt.startStep;

/**
 * The second copy of bytes whose first request had no answer and was sent again: a limit, see
 * docs/decisions/unanswered-requests.md. It overwrites only the bytes of the same delivery, what a person has written after
 * the request was sent, or what a caller has sent to an upload session that has no receipt yet.
 */
const isSecondCopy = (facts: Facts, change: Change): boolean => {
  const { monitor } = facts;
  const { kind, isUnanswered, before, revision, sentAtMs } = change;
  const overwritten = headOf(before);
  if (!isUnanswered || kind !== 'content' || overwritten === undefined) return false;
  const identity = identityOfAuthor(change);
  const isSent = ({ receipt }: Ack): boolean => receipt.id === change.fileId && receipt.sha256 === revision?.sha256;
  const ack = monitor.acks.find((one) => identityOf(one.attempt) === identity && isSent(one));
  const written = monitor.changes.find((other) => other.revision?.id === overwritten.id);
  if (ack === undefined || written === undefined) return false;
  const writer = attemptOf(facts, written);
  const isByUpload =
    writer !== undefined &&
    isSession(writer.spec) &&
    !monitor.attempts.some((other) => identityOf(other) === identityOf(writer) && other.hasRecorded);
  return isByUpload || identityOfAuthor(written) === identity || (written.author.isPerson && written.atMs > sentAtMs);
};

/** I2: if a late request of an answered delivery has overwritten the bytes of an upload, these are sent again before its receipt. */
export const checkOverwrittenUploads = (facts: Facts): void => {
  const { monitor, labels } = facts;
  for (const change of monitor.changes) {
    const { kind, isUnanswered, fileId, before, step } = change;
    if (kind !== 'content' || !isUnanswered || !isCouriers(change)) continue;
    const isAnswered = (firstAck(monitor, identityOfAuthor(change))?.step ?? step) < step;
    const written = monitor.changes.find(
      ({ revision }) => revision !== undefined && revision.id === headOf(before)?.id,
    );
    const writer = written && attemptOf(facts, written);
    if (!isAnswered || writer === undefined || !isSession(writer.spec)) continue;
    const identity = identityOf(writer);
    const isSentAgain = (until: number): boolean =>
      monitor.changes.some(
        (other) =>
          isWrite(other) &&
          other.fileId === fileId &&
          identityOfAuthor(other) === identity &&
          other.step > step &&
          other.step <= until,
      );
    for (const { receipt, step: recordStep, ...recorded } of monitor.recorded) {
      if (recorded.identity !== identity || receipt.id !== fileId || recordStep <= step) continue;
      if (!isSentAgain(recordStep))
        violate(
          facts,
          'I2.overwritten',
          `${labels.change(change)}, and then ${identity} has got a receipt for the file`,
        );
    }
  }
};

/** I2: a copy of an answered delivery changes nothing in Drive, except that it may take the file out of the trash. */
const checkCopy = (facts: Facts, change: Change): void => {
  const ack = firstAck(facts.monitor, identityOfAuthor(change));
  if (ack === undefined || isTakenOutOfTrash(change) || isSecondCopy(facts, change)) return;
  // A file may be moved to the trash by mistake, and restored: see `checkTrashings`.
  if (change.kind === 'trashed') return;
  // A try that is still in progress removes what it has put into another file than the one of the receipt.
  if (['revision-deleted', 'deleted'].includes(change.kind) && change.fileId !== ack.receipt.id) return;
  // Drive cannot share on a condition. A copy that began before the answer may be about to share the file.
  if (change.kind === 'shared' && (attemptOf(facts, change)?.startStep ?? 0) < ack.step) return;
  violate(
    facts,
    'I2.copy',
    `${change.author.actor} was answered at step ${ack.step}, and now: ${facts.labels.change(change)}`,
  );
};

/** Why this delivery may not remove what the change removed; undefined if it may. */
const undoFault = (facts: Facts, { kind, fileId, before, revision, step, ...change }: Change): string | undefined => {
  const { history, monitor } = facts;
  const identity = identityOfAuthor(change);
  const isOwn = (id: string | undefined): boolean => {
    const author = id === undefined ? undefined : history.authorOf(id);
    return author !== undefined && identityOfAuthor({ author }) === identity;
  };
  if (kind === 'revision-deleted') return isOwn(revision?.id) ? undefined : 'that revision is not its own';
  if (kind !== 'deleted' && kind !== 'trashed') return undefined;
  if (changesByPerson(facts, fileId, 0, step).length > 0) return 'a person has changed the file';
  if (before?.revisions.some(({ id }) => !isOwn(id))) return 'others have put bytes there';
  const isCreated = monitor.changes.some((other) => other.fileId === fileId && other.kind === 'created');
  return isCreated ? undefined : 'the file was there before';
};

/** I4: an undo removes only what this delivery wrote, and only if nobody has changed it since. */
const checkUndo = (facts: Facts, change: Change): void => {
  const why = change.kind === 'trashed' ? undefined : undoFault(facts, change);
  if (why !== undefined) violate(facts, 'I4.undo', `${facts.labels.change(change)} by ${change.author.actor}: ${why}`);
};

/** Without the bytes that a caller has sent to an upload session that has no receipt for the file: it sends them again. */
const withoutOpenUploads = (facts: Facts, change: Change): Change => {
  const { history, monitor } = facts;
  const { before, fileId } = change;
  const isOpen = (id: string): boolean => {
    const author = history.authorOf(id);
    const writer = author && attemptOf(facts, { ...change, author });
    if (writer === undefined || !isSession(writer.spec)) return false;
    return !monitor.recorded.some(({ identity, receipt }) => identity === identityOf(writer) && receipt.id === fileId);
  };
  return before === undefined
    ? change
    : { ...change, before: { ...before, revisions: before.revisions.filter(({ id }) => !isOpen(id)) } };
};

/** I4: a file that was moved to the trash by mistake was restored. Drive cannot move it there on a condition. */
export const checkTrashings = (facts: Facts): void => {
  const { monitor, history, labels } = facts;
  for (const change of monitor.changes) {
    const { kind, fileId, author, step } = change;
    if (kind !== 'trashed' || !isCouriers(change) || !isFile(change)) continue;
    if (isRetention(facts, change)) continue;
    const ack = firstAck(monitor, identityOfAuthor(change));
    const isAnswered = ack !== undefined && ack.step < step && ack.receipt.id === fileId;
    const why =
      undoFault(facts, withoutOpenUploads(facts, change)) ??
      (isAnswered ? 'the delivery was answered with it' : undefined);
    const isRestored = monitor.changes.some(
      (other) =>
        other.kind === 'untrashed' &&
        other.fileId === fileId &&
        other.step > step &&
        other.author.actor === author.actor,
    );
    if (why !== undefined && !isRestored && history.file(fileId)?.trashed)
      violate(facts, 'I4.undo', `${labels.change(change)} by ${author.actor} at step ${step}: ${why}`);
  }
};

/** I4: an attempt does not write to a file that a person renamed, moved or trashed before the attempt began. */
const checkTarget = (facts: Facts, change: Change): void => {
  if (change.kind !== 'content') return;
  const { monitor, labels } = facts;
  const attempt = attemptOf(facts, change);
  const startStep = attempt?.startStep ?? 0;
  const { fileId, before } = change;
  if (attempt !== undefined && isSession(attempt.spec)) return;
  const moved = changesByPerson(facts, fileId, 0, startStep).filter(({ kind }) =>
    ['renamed', 'moved', 'trashed'].includes(kind),
  );
  const isElsewhere = before !== undefined && (before.trashed || before.name !== facts.name);
  if (isElsewhere || (moved.some(({ kind }) => kind === 'moved') && before?.parent !== moved[0]?.before?.parent)) {
    if (moved.length > 0)
      violate(
        facts,
        'I4.target',
        `${labels.change(change)}, a file that a person has ${moved.map(({ kind }) => kind)} before`,
      );
  }
  const head = headOf(before);
  const author =
    head === undefined ? undefined : monitor.changes.find(({ revision }) => revision?.id === head.id)?.author;
  const isOwnFile = monitor.changes.some(
    (other) =>
      other.kind === 'created' && other.fileId === fileId && identityOfAuthor(other) === identityOfAuthor(change),
  );
  if (author?.isPerson && isOwnFile && !isSecondCopy(facts, change))
    violate(facts, 'I4.edit', `${labels.change(change)} over a person's edit of the file`);
};

/** A file that a person created this recently before a request was sent may be overlooked, in milliseconds. */
const HANDED_MS = 5_000;

/** I3: `replace`, `skip` and `fail` do not create a second file of a name. */
const checkName = (facts: Facts, change: Change): void => {
  const { kind, fileId, after, step } = change;
  const attempt = attemptOf(facts, change);
  if (kind !== 'created' || attempt === undefined || attempt.spec.rule === 'new' || after === undefined) return;
  const { monitor, labels, history, scenario } = facts;
  if (scenario.deliveries.some(({ size }) => (size === 'sheet') !== (attempt.spec.size === 'sheet'))) return;
  for (const other of history.files()) {
    const isBeside =
      other.id !== fileId && !other.trashed && other.name === after.name && other.parent === after.parent;
    const made = monitor.changes.find((one) => one.kind === 'created' && one.fileId === other.id);
    // A file that a person created is found only by a search, which can be late. The search runs when the attempt
    // begins and, if creation starts seconds later, once more before it.
    const isByHand = made?.author.isPerson === true && (scenario.lag || change.sentAtMs - made.atMs < HANDED_MS);
    // The ledger keeps no names of files that were created with `new`, so these are found only by a search, too.
    const isUnnamed = scenario.lag && made !== undefined && attemptOf(facts, made)?.spec.rule === 'new';
    const isKnown = made !== undefined && !isByHand && !isUnnamed;
    if (!isBeside || !isKnown) continue;
    // The caller of an upload session sends the bytes whenever it likes, and the courier does not see it. A later attempt gets
    // the session of the one that has opened it, and the courier has searched for the name before that.
    const searchedStep = isSession(attempt.spec) ? openedStepOf(facts, attempt, fileId) : attempt.startStep;
    const isSeen = made.step <= searchedStep || (made.author.isPerson && !isSession(attempt.spec));
    const since = Math.max(searchedStep, made.step + 1);
    if (isSeen && changesByPerson(facts, other.id, since, step).length === 0)
      violate(facts, 'I3.name', `${labels.change(change)} beside ${labels.file(other.id)}, which has the name`);
  }
};

/** Checks a change in Drive. */
export const checkChange = (facts: Facts, change: Change): void => {
  checkFolder(facts, change);
  if (!isCouriers(change) || !isFile(change)) return;
  if (isRetention(facts, change)) {
    checkRetention(facts, change);
    return;
  }
  checkCopy(facts, change);
  checkUndo(facts, change);
  checkTarget(facts, change);
  checkName(facts, change);
};
