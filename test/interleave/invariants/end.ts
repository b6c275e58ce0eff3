import { type Change, type FileState, headOf } from '../history.ts';
import { type Ack, firstAck, identityOf } from '../monitor.ts';
import { type Facts, identityOfDoer, isWrite, violate } from './facts.ts';
import { checkTwins } from './twins.ts';

const lastWriteOf = (facts: Facts, file: FileState): Change | undefined => {
  const head = headOf(file);
  return facts.monitor.changes.findLast((change) => isWrite(change) && change.revision?.id === head?.id);
};

/** I2: the bytes at the end are not those of a delivery before another acknowledged one. */
const checkOrder = (facts: Facts, file: FileState): void => {
  const { monitor, labels } = facts;
  const last = lastWriteOf(facts, file);
  if (last === undefined || last.doer.isPerson) return;
  const winner = firstAck(monitor, identityOfDoer(last));
  if (winner === undefined || winner.receipt.id !== file.id) return;
  const startOf = (ack: Ack): number =>
    Math.min(
      ...monitor.attempts
        .filter((other) => identityOf(other) === identityOf(ack.attempt))
        .map(({ startStep }) => startStep),
    );
  for (const loser of monitor.acks) {
    if (identityOf(loser.attempt) === identityOf(winner.attempt)) continue;
    if (loser.receipt.id !== file.id || ['skipped', 'replayed'].includes(loser.receipt.outcome)) continue;
    const what = `${labels.file(file.id)} ends with ${labels.bytes(last.revision?.sha256)} of ${identityOf(winner.attempt)}`;
    if (startOf(loser) > winner.step)
      violate(
        facts,
        'I2.order',
        `${what}, answered at step ${winner.step}; ${identityOf(loser.attempt)} was begun after that, and answered at step ${loser.step}`,
      );
  }
};

/** When all is over. */
export const checkEnd = (facts: Facts): void => {
  const { monitor, history } = facts;
  for (const file of history.files()) if (!file.isFolder) checkOrder(facts, file);
  for (const { attempt, receipt } of monitor.acks) checkTwins(facts, identityOf(attempt), receipt.id);
};
