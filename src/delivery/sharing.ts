import { setTimeout as delay } from 'node:timers/promises';
import type { ShareConfig } from '../config/schema/destination.ts';
import { asCourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallContext, Drive } from '../drive/drive.ts';
import type { DeliveryContext } from './resolve-options.ts';

/** Waits before another try when Drive says `sharingRateLimitExceeded`: its quota of shares is small, and haste uses it up. */
const SLOW_TRIES_MS = [10_000, 30_000, 60_000];

/** Milliseconds before the deadline at which no wait begins, so that the receipt gets out. */
const MARGIN_MS = 5_000;

interface Sharing {
  drive: Pick<Drive, 'share'>;
  fileId: string;
  share: readonly ShareConfig[];
  context: CallContext;
  log: Log;
  /** Epoch milliseconds. */
  now?: () => number;
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

const sleepUntilAborted = (milliseconds: number, signal?: AbortSignal): Promise<void> =>
  delay(milliseconds, undefined, signal === undefined ? {} : { signal });

const permissionOf = (rule: ShareConfig) => {
  const { type, role } = rule;
  if (rule.type === 'domain') return { permission: { type, role, domain: rule.domain }, notify: false };
  if (rule.type === 'anyone') return { permission: { type, role }, notify: false };
  return { permission: { type, role, email: rule.email }, notify: rule.notify };
};

/**
 * Shares a delivered file as its destination says, one permission after another: of two concurrent writes to one file
 * Drive keeps the last (https://developers.google.com/workspace/drive/api/guides/manage-sharing).
 * @returns what could not be shared, in words fit for the caller; it never throws, for the file is safe. Whom with is in the log.
 */
export const shareFile = async ({
  drive,
  fileId,
  share,
  context,
  log,
  now = Date.now,
  sleep = sleepUntilAborted,
}: Sharing): Promise<string[]> => {
  const { signal, ...unending } = context;
  const waits = [...SLOW_TRIES_MS];

  /** Waits for another try; false when there is no time for one, or nobody who waits. The waits are for all rules together. */
  const waitSlowly = async (): Promise<boolean> => {
    const wait = waits.shift();
    if (wait === undefined || now() + wait + MARGIN_MS > (context.deadlineMs ?? Infinity)) return false;
    return sleep(wait, signal).then(
      () => true,
      () => false,
    );
  };

  const tryRule = async (rule: ShareConfig): Promise<void> => {
    const { permission, notify } = permissionOf(rule);
    for (;;) {
      try {
        // Without the signal: the file is there, and a caller who has gone would find it unshared for good.
        return await drive.share(fileId, permission, notify, unending);
      } catch (error) {
        if (asCourierError(error).code !== 'drive-rate-limited' || !(await waitSlowly())) throw error;
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
      // The code's title speaks of the folder, and it is the file that may not be shared.
      const why = code === 'folder-not-writable' ? 'the account may not share this file' : title;
      warnings.push(`Not shared with the ${rule.type} as ${rule.role}: ${why}.`);
    }
  }
  return warnings;
};

/** Shares a file that this delivery, or an earlier try of it, has created. A file that was replaced keeps its sharing. */
export const shareNewFile = async (
  { request, context, log }: Pick<DeliveryContext, 'request' | 'context' | 'log'>,
  { file, isNew }: { file: { id: string }; isNew: boolean },
): Promise<string[]> => {
  const { drive, config } = request.destination;
  return isNew ? shareFile({ drive, fileId: file.id, share: config.share, context, log }) : [];
};
