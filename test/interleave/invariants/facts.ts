import type { Change, History } from '../history.ts';
import type { Labels } from '../labels.ts';
import type { Attempt, Monitor } from '../monitor.ts';
import type { Scenario } from '../scenario.ts';

/**
 * What must hold, whatever happens in whatever order:
 *
 * - I1 no receipt (answered or recorded) but for bytes that Drive has, by its own checksum, from this very delivery
 * - I2 per file, acknowledged replacements have one order: a copy of an answered delivery writes nothing, and nothing is
 *   written over what was acknowledged since its writer last looked into the ledger
 * - I3 one key, one file
 * - I4 nothing that a person has changed, or that another delivery has put there, is undone or written over by a resumed try
 * - I5 what is acknowledged is not audited as failed
 * - I6 no key is dead
 * - I7 other bytes under one key never get a receipt
 * - I8 no delivered file lies in the trash without a warning
 */
export interface Facts {
  scenario: Scenario;
  monitor: Monitor;
  history: History;
  labels: Labels;
  name: string;
  shaOf(attempt: Attempt): string;
  md5Of(attempt: Attempt): string;
  step(): number;
  /** Every call of the ledger so far, in its order. */
  ledgerCalls(): readonly { actor: string; attempt: number; step: number }[];
}

export const violate = ({ monitor, step }: Facts, invariant: string, what: string): void => {
  monitor.violations.push({ invariant, what, step: step() });
};

export const isWrite = ({ kind }: Change): boolean => kind === 'created' || kind === 'content';

export const identityOfDoer = ({ doer }: Change): string => doer.key ?? `actor ${doer.actor}`;

export const isCouriers = ({ doer }: Change): boolean => !doer.isPerson && doer.actor !== 'setup';

export const isFile = ({ before, after }: Change): boolean => (after ?? before)?.isFolder === false;

/** Whether a person has put a hand on a file, at a step of this range. */
export const touchedByPerson = (
  { monitor }: Facts,
  fileId: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): Change[] =>
  monitor.changes.filter(({ doer, fileId: id, step }) => doer.isPerson && id === fileId && step >= from && step <= to);

export const writesOf = ({ monitor }: Facts, identity: string, fileId?: string): Change[] =>
  monitor.changes.filter(
    (change) =>
      isWrite(change) &&
      isFile(change) &&
      !change.doer.isPerson &&
      identityOfDoer(change) === identity &&
      (fileId === undefined || change.fileId === fileId),
  );
