import { type Facts, touchedByPerson, violate, writesOf } from './facts.ts';

/** I3: files that this key has made, beside the receipt's, that nobody put a hand on. */
export const checkTwins = (facts: Facts, identity: string, receiptId: string): void => {
  const { history, labels } = facts;
  const made = writesOf(facts, identity).filter(({ kind }) => kind === 'created');
  for (const { fileId } of made) {
    const file = history.file(fileId);
    if (fileId === receiptId || file === undefined || file.trashed) continue;
    if (touchedByPerson(facts, fileId).length > 0) continue;
    violate(
      facts,
      'I3',
      `${identity} has a receipt for ${labels.file(receiptId)}, and has made ${labels.file(fileId)} too`,
    );
  }
};
