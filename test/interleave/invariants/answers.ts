import type { Receipt } from '../../../src/domain.ts';
import type { CourierError } from '../../../src/errors.ts';
import { type Attempt, firstAck, identityOf } from '../monitor.ts';
import { isRows, isSession, OPEN_AGAIN } from '../scenario.ts';
import { type Change, headOf } from '../schedules/history.ts';
import { type Facts, identityOfAuthor, isCouriers, isFile, isWrite, violate, writeOf, writesOf } from './facts.ts';
import { checkAccount } from './accounts.ts';
import { checkRowsReceipt, isMistakeOfRows } from './rows-answers.ts';
import { checkLimit, checkOwner } from './callers.ts';
import { checkDuplicates } from './duplicates.ts';
import { checkNotTrashed } from './retention.ts';
import { checkShares } from './sharing.ts';

/**
 * Whether the caller announced bytes that another delivery has put into the file of the key's upload session: a caller that
 * used the key for other bytes before. The receipt is true nevertheless.
 */
const isOthersTruth = ({ scenario, history }: Facts, identity: string, receipt: Receipt): boolean => {
  const own = scenario.deliveries.filter((spec) => spec.key === identity && isSession(spec));
  const isReused = new Set(own.map(({ bytes }) => bytes)).size > 1;
  return isReused && history.file(receipt.id)?.revisions.at(-1)?.sha256 === receipt.sha256;
};

/** I1: the last bytes that this delivery wrote to the file are those of the receipt, and the courier has not deleted that revision. */
export const checkTruth = (facts: Facts, identity: string, receipt: Receipt, where: string): void => {
  const { labels, monitor } = facts;
  if (receipt.outcome === 'skipped') return;
  const last = writeOf(facts, identity, receipt);
  const claimed = `${where} says that ${labels.file(receipt.id)} holds ${labels.bytes(receipt.sha256)}`;
  if (last === undefined) {
    violate(facts, 'I1', `${claimed}; this delivery has put nothing there`);
    return;
  }
  if (last.revision?.sha256 !== receipt.sha256 && !isOthersTruth(facts, identity, receipt))
    violate(facts, 'I1', `${claimed}; Drive was last given ${labels.bytes(last.revision?.sha256)}`);
  const taken = monitor.changes.find(
    (change) => change.kind === 'revision-deleted' && change.revision?.id === last.revision?.id && isCouriers(change),
  );
  if (taken !== undefined) violate(facts, 'I1', `${claimed}; ${taken.author.actor} has taken that back`);
};

/**
 * A write, or the one that it repeats: a request without an answer that was sent again may write the same bytes once more, see
 * docs/decisions/unanswered-requests.md.
 */
const originalOf = (facts: Facts, write: Change | undefined): Change | undefined => {
  if (write?.isUnanswered !== true) return write;
  const former = headOf(write.before);
  const repeated = facts.monitor.changes.find(({ revision }) => revision !== undefined && revision.id === former?.id);
  const isSame =
    repeated !== undefined &&
    former?.sha256 === write.revision?.sha256 &&
    identityOfAuthor(repeated) === identityOfAuthor(write);
  return isSame ? originalOf(facts, repeated) : write;
};

/** I1: the courier has read Drive's checksum after the last write. */
const checkSeen = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { monitor, labels } = facts;
  const identity = identityOf(attempt);
  if (receipt.outcome === 'skipped' || receipt.md5 === null) return;
  if (monitor.recorded.some(({ key, step }) => key === attempt.spec.key && step < attempt.startStep)) return;
  const own = monitor.attempts.filter((other) => identityOf(other) === identity);
  const last = originalOf(facts, writeOf(facts, identity, receipt));
  const digests =
    attempt.spec.way === 'blind' ? [receipt.sha256, receipt.md5] : [facts.shaOf(attempt), facts.md5Of(attempt)];
  const isSeen = own.some(({ seen }) =>
    seen.some(
      ({ fileId, digest, step }) => fileId === receipt.id && digests.includes(digest) && step >= (last?.step ?? 0),
    ),
  );
  if (!isSeen)
    violate(
      facts,
      'I1.seen',
      `a receipt for ${labels.file(receipt.id)}, whose checksum nobody asked Drive for after the last write`,
    );
};

/** I8: if the file was in the trash when this attempt began or wrote, the receipt has a warning. */
const checkTrash = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { monitor, history, labels, faultyCalls } = facts;
  const file = history.file(receipt.id);
  const isUnanswered = faultyCalls().some(
    (call) => call.actor === attempt.actor && call.attempt === attempt.number && call.label.startsWith('GET files/'),
  );
  // If Drive does not answer, a receipt is repeated as it was.
  if (isUnanswered) return;
  if (file === undefined || !file.trashed || receipt.warnings !== undefined) return;
  const since = monitor.changes.findLast(
    ({ kind, fileId, after }) =>
      fileId === receipt.id && (kind === 'trashed' || (kind === 'created' && after?.trashed)),
  );
  const lastWrite = writesOf(facts, identityOf(attempt), receipt.id).at(-1)?.step ?? 0;
  if (since !== undefined && since.step <= Math.max(attempt.startStep, lastWrite))
    violate(
      facts,
      'I8',
      `${labels.file(receipt.id)} lies in the trash since step ${since.step}, and the receipt has no warning`,
    );
};

/** I15: the attempt that created the file is told so, unless a fault kept it from knowing. */
const checkOutcome = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { monitor, labels, faultyCalls } = facts;
  const isOwn = ({ actor, attempt: number }: { actor: string; attempt: number }): boolean =>
    actor === attempt.actor && number === attempt.number;
  if (isSession(attempt.spec) || isRows(attempt.spec) || receipt.outcome === 'created' || faultyCalls().some(isOwn))
    return;
  if (monitor.changes.some(({ kind, fileId, author }) => kind === 'created' && fileId === receipt.id && isOwn(author)))
    violate(
      facts,
      'I15',
      `${attempt.actor} created ${labels.file(receipt.id)}, and is told that it was ${receipt.outcome}`,
    );
};

const checkReceipt = (facts: Facts, attempt: Attempt, receipt: Receipt): void => {
  const { monitor, labels, scenario } = facts;
  const identity = identityOf(attempt);
  const { spec } = attempt;
  const where = `the receipt of ${attempt.actor}`;
  if (isRows(spec)) checkRowsReceipt(facts, attempt, receipt, where);
  else {
    checkTruth(facts, identity, receipt, where);
    checkSeen(facts, attempt, receipt);
  }
  checkTrash(facts, attempt, receipt);
  checkDuplicates(facts, identity, receipt.id);
  checkOwner(facts, attempt, receipt);
  checkAccount(facts, attempt, receipt);
  checkShares(facts, attempt, receipt);
  checkOutcome(facts, attempt, receipt);
  checkNotTrashed(facts, attempt, receipt);
  // A blind sender names no digest. It compares the receipt's with its own.
  const isBlind = spec.way === 'blind';
  const isStored = receipt.outcome !== 'skipped' && receipt.sha256 !== null;
  if (!isBlind && isStored && receipt.sha256 !== facts.shaOf(attempt))
    violate(facts, 'I7', `${attempt.actor} sent ${spec.bytes} and has a receipt for ${labels.bytes(receipt.sha256)}`);
  const others = monitor.acks.filter(({ attempt: other }) => spec.key !== undefined && other.spec.key === spec.key);
  for (const { receipt: other } of others)
    if (other.id !== receipt.id)
      violate(facts, 'I3', `${spec.key} has receipts for ${labels.file(other.id)} and for ${labels.file(receipt.id)}`);
  const isOther = others.some(
    ({ attempt: other, receipt: { outcome } }) =>
      // The bytes of a skipped delivery are not read.
      outcome !== 'skipped' && other.spec.way !== 'blind' && facts.shaOf(other) !== facts.shaOf(attempt),
  );
  if (isOther && !isBlind && scenario.deliveries.length > 0)
    violate(facts, 'I7', `${spec.key} has receipts for two deliveries of different bytes`);
  if (attempt.audits.includes('failed'))
    violate(facts, 'I5', `${attempt.actor} has a receipt, and its audit line says failed`);
};

/** Whether the error is the caller's own mistake. */
const isOwnMistake = (facts: Facts, { spec }: Attempt, code: string): boolean => {
  const { scenario, monitor } = facts;
  const isSame = (other: typeof spec): boolean =>
    (['bytes', 'size', 'way', 'rule', 'tab'] as const).every((member) => other[member] === spec[member]);
  if (code === 'idempotency-key-reused')
    return scenario.deliveries.some((other) => other.key === spec.key && !isSame(other));
  if (isRows(spec)) return isMistakeOfRows(facts, code);
  if (isSession(spec) && OPEN_AGAIN.includes(code)) return true;
  // The restriction would have to stay removed until the caller has sent the bytes.
  if (code === 'request-invalid') return isSession(spec) && spec.rule === 'replace' && scenario.isReadOnly;
  if (code !== 'name-taken') return false;
  const others = monitor.changes.some(
    (change) =>
      isWrite(change) &&
      isFile(change) &&
      (change.author.isPerson || change.author.key !== spec.key || spec.key === undefined),
  );
  if (spec.rule === 'fail' || (spec.rule === 'skip' && isSession(spec))) return others || scenario.base !== 'none';
  // A Docs editors file cannot be replaced with bytes, nor the other way round.
  const isMixed =
    scenario.base === 'hand' ||
    scenario.person.includes('put') ||
    scenario.deliveries.some(({ size }) => size !== spec.size);
  return spec.size === 'sheet' && isMixed;
};

/** A permanent error: no retry helps. */
const isRefusal = ({ status, retryable, code }: CourierError): boolean =>
  status < 500 && !retryable && code !== 'body-truncated';

/**
 * Whether the error only says that this upload has ended without a file, such as one that a person has deleted. The key may
 * have its receipt from an upload that was opened later. Who opens another upload gets it.
 */
const isOtherUpload = ({ spec, uploadId }: Attempt, code: string, acked: Attempt): boolean =>
  isSession(spec) && OPEN_AGAIN.includes(code) && uploadId !== undefined && acked.uploadId !== uploadId;

/** Checks an attempt that ended with an error. */
const checkError = (facts: Facts, attempt: Attempt, error: CourierError): void => {
  const { actor, spec } = attempt;
  const { code, message } = error;
  const ack = firstAck(facts.monitor, identityOf(attempt));
  const isHad = ack !== undefined && spec.key !== undefined && facts.shaOf(ack.attempt) === facts.shaOf(attempt);
  // A push that fails permanently is acknowledged.
  if (spec.way === 'push' && isRefusal(error) && attempt.audits.includes('failed'))
    violate(facts, 'I5', `${actor} is acknowledged with ${code}, and its audit line says failed`);
  if (code === 'caller-over-quota') checkLimit(facts, attempt);
  if (code === 'internal') violate(facts, 'I6', `${actor}: ${message} ${(error.cause as Error | undefined)?.stack}`);
  else if (isHad && isRefusal(error) && !isOtherUpload(attempt, code, ack.attempt))
    violate(facts, 'I6', `${spec.key} has a receipt since step ${ack.step}, and is now answered ${message}`);
  else if (isRefusal(error) && !isOwnMistake(facts, attempt, code))
    violate(facts, 'I6', `${actor} did nothing wrong, and is answered ${message}`);
};

/** Checks an attempt when it has ended. */
export const checkEnding = (facts: Facts, attempt: Attempt): void => {
  const { ending } = attempt;
  if (ending?.kind === 'receipt') checkReceipt(facts, attempt, ending.receipt);
  if (ending?.kind === 'error') checkError(facts, attempt, ending.error);
};
