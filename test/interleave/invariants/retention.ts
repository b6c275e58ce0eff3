import type { Receipt } from '../../../src/domain.ts';
import { type Attempt, firstAck, identityOf } from '../monitor.ts';
import { isSession } from '../scenario.ts';
import type { Change, FileState } from '../schedules/history.ts';
import { type Facts, identityOfAuthor, isCouriers, isFile, isWrite, violate, writesOf } from './facts.ts';

/** The number of files that a destination of a scenario keeps. */
const KEPT = 1;

const attemptOf = ({ monitor }: Facts, { author }: Pick<Change, 'author'>): Attempt | undefined =>
  monitor.attempts.find(({ actor, number }) => actor === author.actor && number === author.attempt);

/** Whether a request was sent after an attempt had ended. One that was sent before may take effect later. */
const isSentAfter = ({ steps }: Facts, { endStep }: Attempt, { sentAtMs }: Change): boolean => {
  const end = endStep === undefined ? undefined : steps()[endStep - 1];
  return end !== undefined && sentAtMs > end.atMs;
};

/** Whether the retention has moved a file to the trash. It starts when the receipt is recorded; an undo comes before. */
export const isRetention = (facts: Facts, change: Change): boolean => {
  if (change.kind !== 'trashed' || !isCouriers(change) || !isFile(change)) return false;
  if (!facts.scenario.settings.includes('keep')) return false;
  const attempt = attemptOf(facts, change);
  if (attempt === undefined) return false;
  const isCreated = facts.monitor.changes.some(
    ({ kind, fileId, author }) =>
      kind === 'created' &&
      fileId === change.fileId &&
      author.actor === attempt.actor &&
      attempt.spec.key === undefined,
  );
  return attempt.hasRecorded || isSentAfter(facts, attempt, change) || (attempt.spec.key === undefined && !isCreated);
};

/** The step of the attempt's last call with such a label before a step. */
const lastCall = ({ steps }: Facts, { author, step }: Change, label: RegExp): number => {
  const at = steps().findLastIndex(
    (call, index) =>
      index + 1 < step && call.actor === author.actor && call.attempt === author.attempt && label.test(call.label),
  );
  return at + 1;
};

const lastWriteBefore = ({ monitor }: Facts, fileId: string, step: number): Change | undefined =>
  monitor.changes.findLast((change) => isWrite(change) && change.fileId === fileId && change.step < step);

/** When the first try of the delivery began that a write belongs to. */
const beganAt = ({ monitor }: Facts, write: Change): number =>
  Math.min(
    ...monitor.attempts
      .filter((attempt) => identityOf(attempt) === identityOfAuthor(write))
      .map(({ startStep }) => startStep),
  );

/** The state of a file after a step. */
const stateAt = ({ monitor }: Facts, fileId: string, step: number): FileState | undefined =>
  monitor.changes.findLast((change) => change.fileId === fileId && change.step <= step)?.after;

/** Whether the retention counts a file: the courier has created it under the rule, and it is still where it was put. */
const isCounted = ({ monitor }: Facts, file: FileState | undefined): boolean => {
  const made = monitor.changes.find(({ kind, fileId }) => kind === 'created' && fileId === file?.id);
  return file?.keptSince !== undefined && !file.trashed && file.parent === made?.after?.parent;
};

/**
 * I13: as many files are kept as the rule says, when the retention last searched for them: none of them was answered before
 * the delivery of the file began that went to the trash. The clocks of two processes may differ by more than that.
 */
const checkKept = (facts: Facts, change: Change, file: FileState): void => {
  const { history, labels, monitor, scenario } = facts;
  if (scenario.deliveries.some(({ process }) => /[+-]/.test(process))) return;
  const write = lastWriteBefore(facts, file.id, change.step);
  if (write === undefined || !isCouriers(write)) return;
  const searchedAt = lastCall(facts, change, /courierKeep/);
  const began = beganAt(facts, write);
  const kept = history.files().filter(({ id }) => {
    if (id === file.id || !isCounted(facts, stateAt(facts, id, searchedAt))) return false;
    const other = lastWriteBefore(facts, id, searchedAt + 1);
    const ack = other === undefined ? undefined : firstAck(monitor, identityOfAuthor(other));
    return ack === undefined || ack.step > began;
  });
  if (kept.length < KEPT)
    violate(facts, 'I13.last', `${labels.change(change)}, although no file is kept that was delivered later`);
};

/**
 * Whether the bytes are those of an upload session without an answer. Its caller sends them to Drive without the lease of the
 * file, so the upload ends as one whose file is in the trash, and is opened again.
 */
const isOpenUpload = (facts: Facts, write: Change): boolean => {
  const attempt = attemptOf(facts, write);
  return attempt !== undefined && isSession(attempt.spec) && firstAck(facts.monitor, identityOf(attempt)) === undefined;
};

/** Checks that the retention may move a file to the trash. */
export const checkRetention = (facts: Facts, change: Change): void => {
  const { labels, monitor } = facts;
  const { fileId, before, step, author } = change;
  const what = `${labels.change(change)} by the retention of ${author.actor}`;
  const made = monitor.changes.find(({ kind, fileId: id }) => kind === 'created' && id === fileId);
  if (before === undefined || made === undefined) return;
  if (made.author.isPerson) violate(facts, 'I13.person', `${what}, and a person has created it`);
  // Drive cannot move a file to the trash on a condition, so the retention cannot know what happens after its last look.
  const lookedAt = lastCall(facts, change, new RegExp(`^GET files/${labels.file(fileId)}$`));
  const moved = monitor.changes.findLast(
    ({ kind, fileId: id, author: by }) => kind === 'moved' && id === fileId && by.isPerson,
  );
  if (moved !== undefined && moved.step < lookedAt && before.parent !== made.after?.parent)
    violate(facts, 'I13.person', `${what}, and a person has moved it at step ${moved.step}`);
  const written = lastWriteBefore(facts, fileId, step);
  if (written !== undefined && isOpenUpload(facts, written)) return;
  if (written !== undefined && isCouriers(written) && written.step > lookedAt)
    violate(facts, 'I13.busy', `${what} after a look at step ${lookedAt}, and it was written at step ${written.step}`);
  checkKept(facts, change, before);
};

/**
 * I13: no delivery is answered for bytes that it has put into a file that the retention had moved to the trash before. They may
 * be written there, because Drive cannot write on a condition, but they are taken back.
 */
export const checkNotTrashed = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { monitor, labels, history } = facts;
  const written = writesOf(facts, identityOf(attempt), receipt.id).at(-1);
  if (written?.kind !== 'content' || !written.before?.trashed || history.file(receipt.id)?.trashed !== true) return;
  const trashed = monitor.changes.findLast(
    ({ kind, fileId, step }) => kind === 'trashed' && fileId === receipt.id && step < written.step,
  );
  if (trashed === undefined || !isRetention(facts, trashed)) return;
  const what = `${attempt.actor} has a receipt for bytes that it has put into ${labels.file(receipt.id)}`;
  violate(facts, 'I13.busy', `${what}, which was moved to the trash at step ${trashed.step}`);
};
