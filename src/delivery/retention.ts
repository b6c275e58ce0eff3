import type { KeepRule } from '../config/schema/destination.ts';
import type { CallContext, DriveFile } from '../drive/drive.ts';
import { asCourierError } from '../errors.ts';
import { acquireLease, endLease, fileLeaseKey, underLease } from '../ledger/lease.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { Sleep } from '../sleep.ts';
import { createUnanswered } from '../unanswered-requests.ts';
import { type Destination, folderOf, KEEP_PROPERTIES, keepMark, keepRuleOf } from './resolve-options.ts';

/** Retention: old files of a destination go to the trash after a delivery. */

/** Files that one run moves to the trash at most; the next delivery continues. */
const MAX_TRASHED = 20;

/** Milliseconds for one run. */
const RUN_TIMEOUT_MS = 120_000;

const DAY_MS = 86_400_000;

const timeOf = ({ appProperties }: DriveFile): number => Date.parse(appProperties[KEEP_PROPERTIES.time] ?? '');

/** Whether the courier has created the file for this rule, and it is still where it was put. */
const isKept = ({ appProperties, parents, trashed }: DriveFile, mark: string): boolean =>
  !trashed &&
  appProperties[KEEP_PROPERTIES.rule] === mark &&
  parents.includes(appProperties[KEEP_PROPERTIES.folder] ?? '');

/**
 * The files of a rule that it does not keep, oldest first. The newest file is always kept.
 * @internal for tests
 */
export const expiredOf = (files: readonly DriveFile[], { last = 1, days }: KeepRule, nowMs: number): DriveFile[] =>
  files
    .filter((file) => Number.isFinite(timeOf(file)))
    .sort((one, other) => timeOf(other) - timeOf(one) || (one.id < other.id ? -1 : 1))
    .slice(last)
    .filter((file) => days === undefined || nowMs - timeOf(file) > days * DAY_MS)
    .reverse();

/** What a rule keeps and what it does not, as Drive's search shows it; new files may be missing. */
export const lookAtRule = async (
  destination: Pick<Destination, 'name' | 'config' | 'drive'>,
  rule: KeepRule,
  context: CallContext,
): Promise<{ files: DriveFile[]; expired: DriveFile[] }> => {
  const { drive } = destination;
  const mark = keepMark(destination, rule);
  const found = await drive.findMarked(folderOf(destination), KEEP_PROPERTIES.rule, mark, context);
  const files = found.filter((file) => isKept(file, mark));
  return { files, expired: expiredOf(files, rule, drive.now()) };
};

interface Retention {
  ledger: Ledger;
  log: Log;
  /** Epoch milliseconds. */
  now: () => number;
  sleep: Sleep;
}

/** Keeps a file out of the trash. */
class FileChanged extends Error {}

/** In My Drive only its owner may put a file into the trash, which may be another account of the destination. */
const trashAs = async ([first, ...others]: readonly Destination[], id: string, context: CallContext): Promise<void> => {
  try {
    await first?.drive.trash(id, context);
  } catch (error) {
    if (others.length === 0 || error instanceof FileChanged || asCourierError(error).retryable) throw error;
    await trashAs(others, id, context);
  }
};

/** Moves one file to the trash, unless it has changed since it was found. */
const trash = async (
  { ledger, log, now, sleep }: Retention,
  { destination, rule, context }: { destination: Destination; rule: KeepRule; context: CallContext },
  { id, name, appProperties }: DriveFile,
): Promise<void> => {
  const { drive } = destination;
  // A delivery that replaces the file holds this lease until it is answered.
  const lease = await acquireLease(ledger, fileLeaseKey(id), 'A delivery to this file', context, { now, sleep });
  const requests = createUnanswered();
  let isSent = false;
  /** The request may wait for its turn, and meanwhile a person may move the file, or a delivery replace it. */
  const look = async (): Promise<void> => {
    const file = await drive.get(id, context);
    const isSame =
      file !== undefined &&
      // An attempt whose answer was lost may have put it into the trash.
      isKept({ ...file, trashed: file.trashed && !isSent }, keepMark(destination, rule)) &&
      file.appProperties[KEEP_PROPERTIES.time] === appProperties[KEEP_PROPERTIES.time];
    if (!isSame) throw new FileChanged();
    isSent = true;
  };
  try {
    // Between two requests Cloud Run may pause the instance, so the lease is checked as well.
    const asked = underLease(lease, { ...context, beforeSend: look, onSend: requests.onSend });
    await trashAs([destination, ...(destination.accounts?.all() ?? [])], id, asked);
    const delivered = appProperties[KEEP_PROPERTIES.time];
    const audit = { outcome: 'trashed', destination: destination.name, name, fileId: id, delivered, keep: rule };
    log.info({ audit }, 'retention: a file was moved to the trash');
  } catch (error) {
    if (!(error instanceof FileChanged)) throw error;
  } finally {
    await endLease(lease, requests);
  }
};

const runOnce = async (retention: Retention, destination: Destination, rule: KeepRule): Promise<void> => {
  const context = { deadlineMs: retention.now() + RUN_TIMEOUT_MS };
  const { expired } = await lookAtRule(destination, rule, context);
  for (const file of expired.slice(0, MAX_TRASHED)) await trash(retention, { destination, rule, context }, file);
};

/** The rules that are being applied, by their destination's configuration. True: the rule is applied again afterwards. */
const running = new WeakMap<object, Map<string, boolean>>();

/**
 * Applies the rule for a path of the destination. An instance has one run of a rule at a time; if deliveries end during a
 * run, one more run follows. It never fails: a failure is logged, and the next delivery tries again.
 */
export const applyRetention = async (retention: Retention, destination: Destination, path: string): Promise<void> => {
  const rule = keepRuleOf(destination, path);
  if (rule === undefined) return;
  const runs = running.get(destination.config) ?? new Map<string, boolean>();
  running.set(destination.config, runs);
  if (runs.has(rule.path)) {
    runs.set(rule.path, true);
    return;
  }
  try {
    do {
      runs.set(rule.path, false);
      await runOnce(retention, destination, rule);
    } while (runs.get(rule.path) === true);
  } catch (error) {
    retention.log.warn({ error, destination: destination.name }, 'retention: the run failed');
  } finally {
    runs.delete(rule.path);
  }
};
