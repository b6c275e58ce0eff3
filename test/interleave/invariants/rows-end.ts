import { firstAck, identityOf } from '../monitor.ts';
import { rowNames } from '../rows.ts';
import { checkDuplicates } from './duplicates.ts';
import { type Facts, violate } from './facts.ts';
import { isChangedByPerson, textsOf, writesOfRows } from './rows-facts.ts';

/** R5: a delivery that was refused permanently, and has no receipt, has written no rows. */
const checkRefused = (facts: Facts): void => {
  const { monitor } = facts;
  for (const attempt of monitor.attempts) {
    const { ending, spec, actor } = attempt;
    if (ending?.kind !== 'error' || ending.error.retryable || ending.error.status >= 500) continue;
    if (monitor.acks.some(({ attempt: other }) => other.spec.bytes === spec.bytes)) continue;
    // Of a larger delivery, rows may stay until it is repeated.
    if (spec.size === 'batches' || ending.error.code === 'body-truncated') continue;
    const [written] = writesOfRows(facts, spec.bytes);
    if (written !== undefined)
      violate(
        facts,
        'R5',
        `${actor} is answered ${ending.error.code}, and its rows were written at step ${written.step}`,
      );
  }
};

/** Whether another delivery has replaced the rows of a letter. */
const isReplaced = (facts: Facts, letter: string, fileId: string): boolean => {
  const last = writesOfRows(facts, letter, fileId).at(-1);
  return facts.monitor.rowsWrites.some(
    ({ kind, sheetId, step, ...write }) =>
      kind === 'replace' && write.fileId === fileId && sheetId === last?.sheetId && step > last.step,
  );
};

/** R6: the rows of an acknowledged delivery are in the sheet, each once. */
const checkRows = (facts: Facts): void => {
  const { monitor, sheetOf } = facts;
  for (const ack of monitor.acks) {
    const { attempt, receipt } = ack;
    if (firstAck(monitor, identityOf(attempt)) !== ack || isChangedByPerson(facts, receipt.id)) continue;
    const tabs = sheetOf(receipt.id);
    if (tabs === undefined || isReplaced(facts, attempt.spec.bytes, receipt.id)) continue;
    const there = tabs.flatMap(({ rows }) => rows.map((row) => textsOf(row)[0]));
    for (const name of rowNames(attempt.spec)) {
      const count = there.filter((other) => other === name).length;
      const copies = monitor.secondCopies.filter(({ names }) => names.includes(name)).length;
      const most = attempt.spec.key === undefined ? Number.POSITIVE_INFINITY : 1 + copies;
      if (count < 1 || count > most)
        violate(facts, 'R6', `${name} is in ${facts.labels.file(receipt.id)} ${count} times`);
    }
  }
};

/** Checks the final state of rows in sheets. */
export const checkRowsEnd = (facts: Facts): void => {
  checkRefused(facts);
  checkRows(facts);
  for (const { attempt, receipt } of facts.monitor.acks) checkDuplicates(facts, identityOf(attempt), receipt.id);
};
