import type { Receipt } from '../../../src/domain.ts';
import { AUDITOR } from '../actors/local-drive.ts';
import { type Attempt, identityOf } from '../monitor.ts';
import { isSession } from '../scenario.ts';
import { changesByPerson, type Facts, violate, writesOf } from './facts.ts';

/** I14: a file that the delivery has created is shared when its receipt is answered, unless a person has ended that since. */
export const checkShares = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { history, labels, scenario, monitor } = facts;
  if (!scenario.settings.includes('share') || receipt.outcome === 'skipped') return;
  const recorded = monitor.recorded.find(({ key, receipt: { id } }) => key === attempt.spec.key && id === receipt.id);
  // An upload that another delivery has replaced before it was completed has ended, and the next one with its key replaces the
  // file. A file that is replaced keeps its sharing.
  if (isSession(attempt.spec) && (recorded?.receipt ?? receipt).outcome === 'replaced') return;
  const isCreator = writesOf(facts, identityOf(attempt), receipt.id).some(({ kind }) => kind === 'created');
  const file = history.file(receipt.id);
  if (!isCreator || file === undefined || file.shares.includes(`${AUDITOR} (reader)`)) return;
  if (changesByPerson(facts, file.id).some(({ kind }) => kind === 'unshared')) return;
  if (receipt.warnings?.some((warning) => warning.startsWith('Not shared')) === true) return;
  violate(facts, 'I14', `${attempt.actor} has a receipt for ${labels.file(file.id)}, which is not shared`);
};
