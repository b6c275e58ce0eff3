import { changesByPerson, type Facts, violate, writesOf } from './facts.ts';

/** I3: a key has created no file besides the receipt's, except for files that a person has changed since. */
export const checkDuplicates = (facts: Facts, identity: string, receiptId: string): void => {
  const { history, labels } = facts;
  const made = writesOf(facts, identity).filter(({ kind }) => kind === 'created');
  for (const { fileId } of made) {
    const file = history.file(fileId);
    if (fileId === receiptId || file === undefined || file.trashed) continue;
    if (changesByPerson(facts, fileId).length > 0) continue;
    violate(
      facts,
      'I3',
      `${identity} has a receipt for ${labels.file(receiptId)}, and also created ${labels.file(fileId)}`,
    );
  }
};
