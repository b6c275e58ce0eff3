import { setTimeout as sleep } from 'node:timers/promises';
import type { DriveFile } from '../drive/drive.ts';
import { rememberConverted } from '../drive/named-file.ts';
import { asCourierError, CourierError } from '../errors.ts';
import { type Claim, claimBytes, claimConversion, hashOf, keyMark, readReceipt } from './claim.ts';
import type { Plan } from './plan.ts';
import { descriptionOf, KEY_PROPERTY, mustGet, type Placed, type Put, sharedRequest } from './put-request.ts';

/** Milliseconds between two looks for the outcome of another try. */
const FIRST_LOOK_MS = 100;
const SLOWEST_LOOK_MS = 5_000;

/** Milliseconds before the deadline at which a wait ends, so that an answer gets out. */
const MARGIN_MS = 3_000;

/** What another try with this key has made, and not answered: Drive's search knows it by its private property, sooner or later. */
const unanswered = async ({ order, plan, context }: Put, claim: Claim): Promise<DriveFile | undefined> => {
  const marked = await order.place.drive.findByProperty(plan.folderId, KEY_PROPERTY, keyMark(claim.key), context);
  return marked[0];
};

const answered = async (put: Put, claim: Claim): Promise<DriveFile | undefined> => {
  const receipt = await readReceipt(put.ledger, claim.key);
  return receipt === undefined ? undefined : mustGet(put, receipt.id);
};

/**
 * Waits for the permission to make the one conversion of a key, or for the file that another try has made.
 * @throws CourierError `drive-unavailable` when the request's time is up before either comes
 */
const permissionOrFile = async (put: Put, claim: Claim): Promise<{ permission: string } | { file: DriveFile }> => {
  const { ledger, context, now } = put;
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(SLOWEST_LOOK_MS, 2 * lookMs)) {
    const file = await answered(put, claim);
    if (file !== undefined) return { file };
    const claimed = await claimConversion(ledger, claim.key, now());
    if ('permission' in claimed) {
      const late = claimed.isFirst ? undefined : await unanswered(put, claim);
      return late === undefined ? claimed : { file: late };
    }
    if (now() + lookMs + MARGIN_MS > (context.deadlineMs ?? Infinity)) {
      throw new CourierError('drive-unavailable', {
        detail: 'Another try of this delivery is being converted.',
        retryAfterSeconds: Math.ceil(claimed.leftMs / 1_000),
      });
    }
    const wait = Math.min(lookMs, claimed.leftMs);
    await sleep(wait, undefined, context.signal === undefined ? {} : { signal: context.signal });
  }
};

interface Conversion {
  /** Another try's. */
  file?: DriveFile;
  received?: { sha256: string; size: number };
  permission?: string;
}

/** Before the last byte goes out: whoever has the permission goes on, everybody else ends with the file that comes of it. */
const guardConversion = (
  put: Put,
): { found: Conversion; beforeCommit(received: Required<Conversion>['received']): Promise<void> } => {
  const { claim, ledger, now } = put;
  const found: Conversion = {};
  return {
    found,
    async beforeCommit(received) {
      if (claim === undefined) return;
      await claimBytes(ledger, claim.key, received.sha256, now());
      Object.assign(found, { received }, await permissionOrFile(put, claim));
      if (found.file !== undefined)
        throw new CourierError('drive-unavailable', { detail: 'Converted by another try.' });
    },
  };
};

/** A try of before has made the file: the bytes of this one are only compared. */
const replayConversion = async (put: Put, claim: Claim, file: DriveFile): Promise<Placed> => {
  const { delivery, order, ledger, now } = put;
  const received = await hashOf(delivery.source, order.place.config.maxBytes);
  await claimBytes(ledger, claim.key, received.sha256, now());
  return { file, outcome: 'replayed', received };
};

/** Bytes that become a new Google Docs file. Drive takes no pre-generated id here, so "once" rests on the ledger and the file's private property. */
export const convert = async (put: Put, plan: Plan & { kind: 'convert' }): Promise<Placed> => {
  const { order, delivery, claim, ledger, context, log, now } = put;
  const { name, place } = order;
  const { drive } = place;
  const { folderId } = plan;
  if (claim !== undefined && !claim.mine) {
    const earlier = (await answered(put, claim)) ?? (await unanswered(put, claim));
    if (earlier !== undefined) return replayConversion(put, claim, earlier);
  }
  const { found, beforeCommit } = guardConversion(put);
  const file = {
    ...{ name, folderId, mimeType: delivery.source.mimeType, convertTo: plan.target },
    ...(claim === undefined ? {} : { appProperties: { [KEY_PROPERTY]: keyMark(claim.key) } }),
    ...descriptionOf(put),
  };
  try {
    const uploaded = await drive.upload({ ...sharedRequest(put), beforeCommit, target: { kind: 'create', file } });
    const { sha256, size } = uploaded;
    const { id } = uploaded.file;
    if (plan.rule !== 'new') await rememberConverted({ drive, ledger, folderId, name, context, log, now }, id);
    return { file: uploaded.file, outcome: 'created', received: { sha256, size } };
  } catch (error) {
    if (found.file !== undefined)
      return {
        file: found.file,
        outcome: 'replayed',
        ...(found.received === undefined ? {} : { received: found.received }),
      };
    // Refused is refused: nothing was made, and the next try need not wait.
    if (found.permission !== undefined && !asCourierError(error).retryable) {
      await ledger.record(found.permission, { state: 'done' }).catch(() => undefined);
    }
    throw error;
  }
};
