import type { Tab } from '../../../local/google/sheets/workbook/model.ts';
import type { Plan } from '../../../src/delivery/plan.ts';
import type { Receipt } from '../../../src/domain.ts';
import type { Step } from '../actors/actors.ts';
import type { Labels } from '../labels.ts';
import type { Attempt, Monitor } from '../monitor.ts';
import type { Scenario } from '../scenario.ts';
import type { Change, History } from '../schedules/history.ts';

/**
 * The invariants, which hold in every schedule:
 *
 * - I1 A receipt (answered or recorded) names bytes that this delivery wrote, verified by Drive's checksum after the write.
 *   Equal bytes that another delivery wrote while this one was in progress count as well, see `writeOf`.
 * - I2 Acknowledged replacements of a file are totally ordered: a copy of an answered delivery writes nothing, and no
 *   delivery overwrites one that was acknowledged after its own last ledger call.
 * - I3 One key, one file; and one file per name, except with the rule `new`.
 * - I4 An undo or a resumed upload does not touch what a person has changed or another delivery has written.
 * - I5 An acknowledged delivery is not audited as failed.
 * - I6 Every key can be retried until there is a receipt or the caller's own mistake; a receipt is returned again.
 * - I7 Different bytes with a used key never get a receipt.
 * - I8 The receipt of a file in the trash has a warning.
 * - I9 In a read-only destination, a file with a receipt is read-only.
 * - I10 Callers are separate: none gets a receipt or an upload of another, also with the same key.
 * - I11 The response to an archive has a line for each entry, unless it is cut off or says that it is not complete.
 * - I12 A receipt names the account that wrote the bytes, where the destination has several.
 * - I13 The retention moves only files to the trash that a newer delivery has made superfluous: none of a person, none that a
 *   person has moved, none that was delivered after those that are kept, none that is being replaced.
 * - I14 A file that a delivery has created is shared when the receipt is answered, and a copy never shares it again.
 * - I15 The attempt that created the file has a receipt with the outcome `created`, unless a fault kept it from knowing.
 *
 * Of rows in a sheet:
 *
 * - R1 An append leaves all other cells of the spreadsheet as they are, except that rows below it may move down. A replacement
 *   leaves the other tabs as they are, and its tab has exactly its rows.
 * - R2 Each row of a delivery is written once, also if a person deletes it: the rows of one change together, and a copy of an
 *   answered delivery writes none. Rows that were removed before the delivery was complete, with their tab or by a
 *   replacement, are written again.
 * - R3 A receipt (answered or recorded) names rows that were written, all of them, and where. They are in one tab, and in one
 *   piece, unless the delivery was interrupted.
 * - R4 A replacement does not overwrite one that was acknowledged after its own last ledger call.
 * - R5 A delivery that is refused permanently has written no rows.
 * - R6 At the end, the rows of an acknowledged delivery are in the sheet once, if nobody has changed the sheet or replaced
 *   them.
 */
export interface Facts {
  /** An archive counts as one delivery for each of its entries. */
  scenario: Scenario;
  monitor: Monitor;
  history: History;
  /** The tabs of a spreadsheet now; undefined if it was deleted. */
  sheetOf(fileId: string): readonly Tab[] | undefined;
  labels: Labels;
  name: string;
  shaOf(attempt: Attempt): string;
  md5Of(attempt: Attempt): string;
  step(): number;
  /** The calls so far into which a fault was injected. */
  faultyCalls(): readonly { actor: string; attempt: number; label: string }[];
  steps(): readonly Step[];
  /** All ledger calls so far, in order. */
  ledgerCalls(): readonly { actor: string; attempt: number; step: number }[];
}

export const violate = ({ monitor, step }: Facts, invariant: string, what: string): void => {
  monitor.violations.push({ invariant, what, step: step() });
};

export const isWrite = ({ kind }: Change): boolean => kind === 'created' || kind === 'content';

export const identityOfAuthor = ({ author }: Pick<Change, 'author'>): string => author.key ?? `actor ${author.actor}`;

export const isCouriers = ({ author }: Change): boolean => !author.isPerson && author.actor !== 'setup';

export const isFile = ({ before, after }: Change): boolean => (after ?? before)?.isFolder === false;

/** A person's changes to a file within a range of steps. */
export const changesByPerson = (
  { monitor }: Facts,
  fileId: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): Change[] =>
  monitor.changes.filter(
    ({ author, fileId: id, step }) => author.isPerson && id === fileId && step >= from && step <= to,
  );

export const writesOf = ({ monitor }: Facts, identity: string, fileId?: string): Change[] =>
  monitor.changes.filter(
    (change) =>
      isWrite(change) &&
      isFile(change) &&
      !change.author.isPerson &&
      identityOfAuthor(change) === identity &&
      (fileId === undefined || change.fileId === fileId),
  );

/** Whether a change came after the state of the file that a plan was made from. */
const isSincePlan = ({ history }: Facts, plan: Plan, { fileId, revision }: Change): boolean => {
  if (plan.fileId !== fileId) return false;
  if (plan.kind === 'create') return true;
  const revisions = history.file(fileId)?.revisions ?? [];
  const former = plan.kind === 'replace' ? revisions.findIndex(({ id }) => id === plan.formerRevisionId) : -1;
  return former !== -1 && revisions.findIndex(({ id }) => id === revision?.id) > former;
};

/**
 * The write that a receipt is about: the last one of this delivery to the file. If there is none, or Drive has stored it
 * wrongly, it may be one of another delivery with equal bytes, after this one had begun and was planned. A try that ends
 * without an answer leaves it open whether it has written, and Drive does not show which delivery a revision came from. For
 * everybody else it is as if both had written, one right after the other.
 */
export const writeOf = (facts: Facts, identity: string, { id, sha256 }: Receipt): Change | undefined => {
  const own = writesOf(facts, identity, id).at(-1);
  const planned = facts.monitor.planned.findLast((other) => other.identity === identity);
  if (own?.revision?.sha256 === sha256 || planned === undefined) return own;
  const equal = facts.monitor.changes.findLast(
    (change) =>
      isWrite(change) &&
      isCouriers(change) &&
      change.fileId === id &&
      change.revision?.sha256 === sha256 &&
      change.step > (own?.step ?? planned.startStep) &&
      isSincePlan(facts, planned.plan, change),
  );
  return equal ?? own;
};
