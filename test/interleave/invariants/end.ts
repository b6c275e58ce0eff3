import { type Ack, firstAck, identityOf } from '../monitor.ts';
import { isSession } from '../scenario.ts';
import { type Change, type FileState, headOf } from '../schedules/history.ts';
import { checkEntries } from './archives.ts';
import { checkOverwrittenUploads, checkTrashings } from './changes.ts';
import { checkDuplicates } from './duplicates.ts';
import { changesByPerson, type Facts, identityOfAuthor, isWrite, violate } from './facts.ts';
import { isRetention } from './retention.ts';

const lastWriteOf = (facts: Facts, file: FileState): Change | undefined => {
  const head = headOf(file);
  return facts.monitor.changes.findLast((change) => isWrite(change) && change.revision?.id === head?.id);
};

/** The step of the last ledger call that the writing attempt made before the write. */
const lookedAt = ({ ledgerCalls }: Facts, { author, step }: Change): number =>
  ledgerCalls().findLast((call) => call.actor === author.actor && call.attempt === author.attempt && call.step < step)
    ?.step ?? 0;

/** The step at which a delivery last wrote a file; undefined if it left the file as it was. */
const wroteAt = ({ monitor }: Facts, identity: string, fileId: string): number | undefined =>
  monitor.changes.findLast(
    (change) => isWrite(change) && change.fileId === fileId && identityOfAuthor(change) === identity,
  )?.step;

/** I2: a delivery that was never answered has looked at the ledger after the last acknowledged replacement that it overwrote. */
const checkUnanswered = (facts: Facts, file: FileState, last: Change): void => {
  const { monitor, labels } = facts;
  const writer = monitor.attempts.find(({ actor }) => actor === last.author.actor);
  if (writer === undefined || isSession(writer.spec)) return;
  const looked = lookedAt(facts, last);
  for (const { attempt, receipt, step } of monitor.acks) {
    const identity = identityOf(attempt);
    if (receipt.id !== file.id || receipt.outcome === 'skipped' || isSession(attempt.spec) || step > last.step)
      continue;
    if (looked >= (wroteAt(facts, identity, file.id) ?? step)) continue;
    const what = `${labels.file(file.id)} ends with ${labels.bytes(last.revision?.sha256)} of ${identityOf(writer)}`;
    violate(facts, 'I2.stale', `${what}, which was never answered; ${identity} was answered at step ${step}`);
  }
};

/** I2: the final bytes are those of the last acknowledged replacement. */
const checkOrder = (facts: Facts, file: FileState): void => {
  const { monitor, labels } = facts;
  const last = lastWriteOf(facts, file);
  if (last === undefined || last.author.isPerson) return;
  const winner = firstAck(monitor, identityOfAuthor(last));
  if (winner === undefined) checkUnanswered(facts, file, last);
  if (winner === undefined || winner.receipt.id !== file.id) return;
  const startOf = (ack: Ack): number =>
    Math.min(
      ...monitor.attempts
        .filter((other) => identityOf(other) === identityOf(ack.attempt))
        .map(({ startStep }) => startStep),
    );
  for (const loser of monitor.acks) {
    const identity = identityOf(loser.attempt);
    if (identity === identityOf(winner.attempt) || firstAck(monitor, identity) !== loser) continue;
    if (loser.receipt.id !== file.id || loser.receipt.outcome === 'skipped') continue;
    const bytes = labels.bytes(last.revision?.sha256);
    const what = `${labels.file(file.id)} ends with ${bytes} of ${identityOf(winner.attempt)}, written at step ${last.step}`;
    const looked = lookedAt(facts, last);
    // Bytes that the caller sends directly to Drive are not ordered with concurrent deliveries.
    const isApart = isSession(winner.attempt.spec) || isSession(loser.attempt.spec);
    if (startOf(loser) > winner.step)
      violate(facts, 'I2.order', `${what} and answered at step ${winner.step}; ${identity} was begun after that`);
    // A look after the other delivery's write is fresh, even if the sender got the answer only later.
    else if (looked < (wroteAt(facts, identity, file.id) ?? loser.step) && loser.step < last.step && !isApart)
      violate(
        facts,
        'I2.stale',
        `${what} after a look at step ${looked}; ${identity} was answered at step ${loser.step}`,
      );
  }
};

/** I9: in a read-only destination, a file with a receipt is read-only. */
const checkLocks = (facts: Facts): void => {
  const { monitor, history, labels, scenario } = facts;
  if (!scenario.isReadOnly) return;
  for (const { attempt, receipt } of monitor.acks) {
    const file = history.file(receipt.id);
    if (receipt.outcome === 'skipped' || file === undefined || file.isLocked) continue;
    if (changesByPerson(facts, file.id).length > 0) continue;
    // A try that has unlocked the file and died leaves it so. If the retention has moved it to the trash, the next try replaces
    // another file.
    if (file.trashed && monitor.changes.some((change) => change.fileId === file.id && isRetention(facts, change)))
      continue;
    violate(facts, 'I9', `${identityOf(attempt)} has a receipt for ${labels.file(file.id)}, which is not read-only`);
  }
};

/** Checks the final state. */
export const checkEnd = (facts: Facts): void => {
  const { monitor, history } = facts;
  for (const file of history.files()) if (!file.isFolder) checkOrder(facts, file);
  checkTrashings(facts);
  checkOverwrittenUploads(facts);
  checkLocks(facts);
  checkEntries(facts);
  for (const { attempt, receipt } of monitor.acks) checkDuplicates(facts, identityOf(attempt), receipt.id);
};
