import { isRows } from '../scenario.ts';
import type { Change } from '../schedules/history.ts';
import { changesByPerson, type Facts, violate, writesOf } from './facts.ts';

/**
 * An empty sheet whose maker got no further, beside the person's sheet that the rows went to: a limit, see
 * docs/decisions/row-sheet-lease.md.
 */
const isLeftEmpty = ({ monitor }: Facts, { author, fileId }: Change, receiptId: string): boolean => {
  const attempt = monitor.attempts.find(({ actor, number }) => actor === author.actor && number === author.attempt);
  if (attempt === undefined || !isRows(attempt.spec) || attempt.ending?.kind !== 'gone') return false;
  const isPersons = monitor.changes.some(
    (change) => change.kind === 'created' && change.fileId === receiptId && change.author.isPerson,
  );
  return isPersons && !monitor.rowsWrites.some((write) => write.fileId === fileId);
};

/** I3: a key has created no file besides the receipt's, except for files that a person has changed since. */
export const checkDuplicates = (facts: Facts, identity: string, receiptId: string): void => {
  const { history, labels } = facts;
  const made = writesOf(facts, identity).filter(({ kind }) => kind === 'created');
  for (const change of made) {
    const { fileId } = change;
    const file = history.file(fileId);
    if (fileId === receiptId || file === undefined || file.trashed) continue;
    if (changesByPerson(facts, fileId).length > 0 || isLeftEmpty(facts, change, receiptId)) continue;
    violate(
      facts,
      'I3',
      `${identity} has a receipt for ${labels.file(receiptId)}, and also created ${labels.file(fileId)}`,
    );
  }
};
