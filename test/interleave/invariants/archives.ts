import type { Attempt } from '../monitor.ts';
import { identityOf } from '../monitor.ts';
import type { Change } from '../schedules/history.ts';
import { changesByPerson, type Facts, identityOfAuthor, isCouriers, violate } from './facts.ts';

/** The members of a response's summary that are checked. */
export interface ArchiveSummary {
  delivered: number;
  failed: number;
  complete: boolean;
  retryable: boolean;
}

/** I11: a response that was not cut off has a line for each entry, or says that it is not complete. */
export const checkSummary = (facts: Facts, attempts: readonly Attempt[], summary: ArchiveSummary | undefined): void => {
  const who = attempts[0]?.actor.split('.')[0] ?? '';
  if (summary === undefined) {
    violate(facts, 'I11', `the response to ${who} has ended without a summary`);
    return;
  }
  const endings = attempts.flatMap(({ ending }) => (ending === undefined ? [] : [ending]));
  const delivered = endings.filter(({ kind }) => kind === 'receipt').length;
  const errors = endings.flatMap((ending) => (ending.kind === 'error' ? [ending.error] : []));
  const isRetryable = !summary.complete || errors.some(({ retryable }) => retryable);
  if (summary.delivered !== delivered || summary.failed !== errors.length)
    violate(facts, 'I11', `the summary for ${who} counts ${summary.delivered} and ${summary.failed} lines`);
  if (summary.complete && endings.length < attempts.length)
    violate(facts, 'I11', `the response to ${who} is complete, and lacks entries`);
  if (summary.retryable !== isRetryable)
    violate(facts, 'I11', `the summary for ${who} says that a retry ${summary.retryable ? 'helps' : 'does not help'}`);
};

/** I3: the courier creates no second folder of a name, and I2: none for an archive whose entry was answered before. */
export const checkFolder = (facts: Facts, change: Change): void => {
  const { kind, fileId, after, author } = change;
  const { monitor, history, labels } = facts;
  if (kind !== 'created' || after?.isFolder !== true || !isCouriers(change)) return;
  const beside = history
    .files()
    .find(
      ({ id, isFolder, trashed, name, parent }) =>
        id !== fileId && isFolder && !trashed && name === after.name && parent === after.parent,
    );
  if (beside !== undefined && changesByPerson(facts, beside.id).length === 0)
    violate(facts, 'I3.folder', `${labels.change(change)} beside ${labels.file(beside.id)}, which has the name`);
  const identity = identityOfAuthor(change);
  const attempt = monitor.attempts.find(({ actor, number }) => actor === author.actor && number === author.attempt);
  const ack = monitor.acks.find((other) => identityOf(other.attempt) === identity);
  if (attempt !== undefined && ack !== undefined && ack.step < attempt.startStep)
    violate(facts, 'I2.copy', `${author.actor} was answered at step ${ack.step}, and now: ${labels.change(change)}`);
};

/** I1: at the end, an entry with a receipt is in the folder that its name names, and has had the entry's bytes. */
export const checkEntries = (facts: Facts): void => {
  const { monitor, history, labels, scenario } = facts;
  for (const { attempt, receipt } of monitor.acks) {
    if (attempt.entry === undefined || receipt.outcome === 'skipped') continue;
    const what = `${attempt.actor} has a receipt for ${labels.file(receipt.id)}`;
    // A person who has moved or removed the file has moved or removed the delivered file.
    if (changesByPerson(facts, receipt.id).length > 0) continue;
    const file = history.file(receipt.id);
    if (file === undefined) {
      violate(facts, 'I1.entry', `${what}, which does not exist`);
      continue;
    }
    if (!file.revisions.some(({ sha256 }) => sha256 === facts.shaOf(attempt)))
      violate(facts, 'I1.entry', `${what}, which has never had the bytes of ${attempt.entry}`);
    const folder = file.parent === undefined ? undefined : history.file(file.parent);
    const names = attempt.entry.split('/');
    const isInFolder = names.length === 1 || folder?.name === names.at(-2);
    const path = [scenario.path, ...names.slice(0, -1)].filter((part) => part !== '').join('/');
    if (file.name !== names.at(-1) || !isInFolder || receipt.path !== path)
      violate(facts, 'I1.entry', `${what}, which is "${folder?.name ?? ''}/${file.name}" in "${receipt.path}"`);
  }
};
