import type { DestinationConfig, ShareConfig } from '../config/schema/destination.ts';
import type { Outcome } from '../domain.ts';
import type { CallContext, Drive, DriveFile } from '../drive/drive.ts';
import { asCourierError, type ErrorCode } from '../errors.ts';
import type { Log } from '../log.ts';
import { pauseInTime, realSleep, type Sleep, VISIBILITY_WAITS_MS } from '../sleep.ts';
import {
  type DeliveryContext,
  KEEP_PROPERTIES,
  keepMarksOfExisting,
  keepMarksOfNew,
  type ResolvedRequest,
} from './resolve-options.ts';

/**
 * Pauses before another attempt after `sharingRateLimitExceeded`, in milliseconds. The quota for sharing is small, and quick
 * retries use it up.
 */
const RATE_LIMIT_WAITS_MS = [10_000, 30_000, 60_000];

/** Drive's answer 404 has this code. Drive may give it for a while about a file that it has just created. */
const NOT_SHOWN = 'folder-not-found' satisfies ErrorCode;

/** The titles of these codes are about the folder, but here it is the file that cannot be shared. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  'folder-not-writable': 'the account may not share this file',
  [NOT_SHOWN]: 'Drive does not show the file',
};

interface Sharing {
  drive: Pick<Drive, 'share' | 'now'>;
  fileId: string;
  share: readonly ShareConfig[];
  context: CallContext;
  log: Log;
  /** Epoch milliseconds, by the clock that the deadline is of. */
  now: () => number;
  sleep?: Sleep;
}

const permissionOf = (rule: ShareConfig, drive: Pick<Drive, 'now'>) => {
  const { type, role } = rule;
  if (rule.type === 'domain') return { permission: { type, role, domain: rule.domain }, notify: false };
  if (rule.type === 'anyone') return { permission: { type, role }, notify: false };
  const { email, expires, message, notify } = rule;
  const expirationTime = expires === undefined ? undefined : new Date(drive.now() + expires).toISOString();
  return {
    permission: { type, role, email, expirationTime, message },
    notify,
  };
};

/**
 * Shares a delivered file as its destination says, one permission after another: of two concurrent writes to one file
 * Drive keeps the last (https://developers.google.com/workspace/drive/api/guides/manage-sharing).
 * It never throws, because the file is already stored.
 * @returns warnings for the caller about what could not be shared. They name no addresses; those are in the log.
 * @internal for tests
 */
export const shareFile = async ({
  drive,
  fileId,
  share,
  context,
  log,
  now,
  sleep = realSleep,
}: Sharing): Promise<string[]> => {
  const { signal: _, ...withoutSignal } = context;
  const waits: Partial<Record<ErrorCode, number[]>> = {
    'drive-rate-limited': [...RATE_LIMIT_WAITS_MS],
    [NOT_SHOWN]: [...VISIBILITY_WAITS_MS],
  };

  /** Waits before another attempt. Returns false if there is no time, or the caller has left. All rules share these pauses. */
  const waitAfter = async (code: ErrorCode): Promise<boolean> => {
    const wait = waits[code]?.shift();
    return wait !== undefined && pauseInTime(wait, { context, now, sleep });
  };

  const tryRule = async (rule: ShareConfig): Promise<void> => {
    const { permission, notify } = permissionOf(rule, drive);
    for (;;) {
      try {
        // Without the signal: the file is stored, and must be shared even if the caller disconnects now.
        return await drive.share(fileId, permission, notify, withoutSignal);
      } catch (error) {
        if (!(await waitAfter(asCourierError(error).code))) throw error;
      }
    }
  };

  const warnings: string[] = [];
  for (const rule of share) {
    try {
      await tryRule(rule);
    } catch (error) {
      log.warn({ error, fileId, rule }, 'the file is delivered, but not shared');
      const { code, title } = asCourierError(error);
      warnings.push(`Not shared with the ${rule.type} as ${rule.role}: ${REASONS[code] ?? title}.`);
    }
  }
  return warnings;
};

const hasPolicy = (config: DestinationConfig): boolean =>
  config.readOnly ||
  config.noDownload !== false ||
  config.copyRequiresWriterPermission ||
  !config.writersCanShare ||
  Object.keys(config.labels).length > 0;

/**
 * Puts the labels and restrictions of the destination on a file that was stored, and then shares it if this delivery, or an
 * earlier try of it, has created it. A file that was replaced keeps its sharing.
 * @throws CourierError `policy-forbidden`, `label-refused`: then the file is not shared
 */
export const restrictAndShare = async (
  {
    request,
    context,
    log,
    now,
    sleep = realSleep,
  }: Pick<DeliveryContext, 'request' | 'context' | 'log' | 'now'> & Partial<Pick<DeliveryContext, 'sleep'>>,
  { file, isNew, outcome }: { file: Pick<DriveFile, 'id' | 'modifiedTime'>; isNew: boolean; outcome: Outcome },
): Promise<string[]> => {
  const { drive, config } = request.destination;
  let warnings: string[] = [];
  if (outcome !== 'skipped' && hasPolicy(config)) {
    warnings = await (await import('./policy.ts')).applyPolicy({ request, log, now, sleep }, file, context);
  }
  if (!isNew) return warnings;
  return [...warnings, ...(await shareFile({ drive, fileId: file.id, share: config.share, context, log, now, sleep }))];
};

/**
 * Marks the file of an upload session for the retention of its destination, which counts from the completion. The bytes may have
 * taken days, and meanwhile newer files may have been delivered.
 */
export const markForRetention = async (
  { request, context }: Pick<DeliveryContext, 'request' | 'context'>,
  { file, isNew, folderId }: { file: DriveFile; isNew: boolean; folderId: string },
): Promise<void> => {
  const marks = isNew ? keepMarksOfNew(request, folderId) : keepMarksOfExisting(request);
  // An earlier try to complete the upload may have marked the file, and made it read-only since.
  const isMarked = isNew && file.appProperties[KEEP_PROPERTIES.rule] !== undefined;
  if (isMarked || Object.keys(marks).length === 0) return;
  const policy = await request.destination.drive.policy();
  // Otherwise Drive would set the time of this change.
  const { modifiedTime } = file;
  await policy.setDetails(file.id, { modifiedTime, appProperties: marks }, context);
};

/**
 * Starts the retention of the destination in the background. The answer does not wait for it, and a failure does not affect
 * it.
 */
export const startRetention = (
  dependencies: Pick<DeliveryContext, 'ledger' | 'log' | 'now' | 'sleep'>,
  { destination, path }: Pick<ResolvedRequest, 'destination' | 'path'>,
): void => {
  if (destination.config.keep.length === 0) return;
  import('./retention.ts')
    .then(({ applyRetention }) => applyRetention(dependencies, destination, path))
    .catch((error: unknown) => dependencies.log.warn({ error }, 'retention: the run could not start'));
};
