import { setTimeout as sleep } from 'node:timers/promises';
import type { DriveFile } from '../drive/drive.ts';
import { rememberConverted } from '../drive/named-file.ts';
import { asCourierError } from '../errors.ts';
import { CONVERSION_PATIENCE_MS, claimBytes, claimConversion, hashOf, keyMark, readReceipt } from './claim.ts';
import type { Plan } from './plan.ts';
import { descriptionOf, KEY_PROPERTY, type Placed, type Put, sharedRequest } from './put-request.ts';

/** Milliseconds between two looks for the outcome of another try. */
const FIRST_LOOK_MS = 250;
const SLOWEST_LOOK_MS = 5_000;

/**
 * A conversion that another try with this key has made, waiting for one that may still be on its way. Its receipt is in the
 * ledger; if that try ended before it could be put there, Drive's search knows the file by its private property, later.
 */
const earlierConversion = async ({ order, plan, claim, ledger, context, now }: Put): Promise<DriveFile | undefined> => {
  if (claim === undefined || claim.mine) return undefined;
  const { drive } = order.place;
  const patienceEndsMs = Math.min(claim.claimedAtMs + CONVERSION_PATIENCE_MS, (context.deadlineMs ?? Infinity) - 1_000);
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(SLOWEST_LOOK_MS, 2 * lookMs)) {
    const receipt = await readReceipt(ledger, claim.key);
    if (receipt !== undefined) return drive.get(receipt.id, context);
    const [found] = await drive.findByProperty(plan.folderId, KEY_PROPERTY, keyMark(claim.key), context);
    if (found !== undefined || now() >= patienceEndsMs) return found;
    await sleep(lookMs, undefined, context.signal === undefined ? {} : { signal: context.signal });
  }
};

/**
 * Bytes that become a Google Docs file. Drive takes no pre-generated id here, so "once" rests on the ledger (one try at a
 * time is let to make it) and on the private property by which a try that never answered is found.
 */
export const convert = async (put: Put, plan: Plan & { kind: 'convert' }): Promise<Placed> => {
  const { order, delivery, claim, ledger, context, log, now } = put;
  const { name, place } = order;
  const earlier = await earlierConversion(put);
  if (claim !== undefined && earlier !== undefined) {
    const received = await hashOf(delivery.source, place.config.maxBytes);
    await claimBytes(ledger, claim.key, received.sha256, now());
    return { file: earlier, outcome: 'replayed', received };
  }
  let permission: string | undefined;
  const beforeCommit = async ({ sha256 }: { sha256: string }): Promise<void> => {
    if (claim === undefined) return;
    await claimBytes(ledger, claim.key, sha256, now());
    permission = await claimConversion(ledger, claim.key, now());
  };
  const file = {
    name,
    mimeType: delivery.source.mimeType,
    folderId: plan.folderId,
    convertTo: plan.target,
    ...(claim === undefined ? {} : { appProperties: { [KEY_PROPERTY]: keyMark(claim.key) } }),
    ...descriptionOf(put),
  };
  try {
    const uploaded = await place.drive.upload({
      ...sharedRequest(put),
      beforeCommit,
      target: { kind: 'create', file },
    });
    if (plan.rule !== 'new') {
      const { drive } = place;
      await rememberConverted({ drive, ledger, folderId: plan.folderId, name, context, log, now }, uploaded.file.id);
    }
    const { sha256, size } = uploaded;
    return { file: uploaded.file, outcome: 'created', received: { sha256, size } };
  } catch (error) {
    // Refused is refused: nothing was made, and the next try need not wait.
    if (permission !== undefined && !asCourierError(error).retryable) {
      await ledger.record(permission, { state: 'done' }).catch(() => undefined);
    }
    throw error;
  }
};
