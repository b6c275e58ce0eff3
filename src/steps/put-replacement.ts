import type { Uploaded } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';
import { claimBytes, readReceipt } from './claim.ts';
import type { Plan } from './plan.ts';
import {
  descriptionOf,
  mustGet,
  outcomeOf,
  type Placed,
  type Put,
  resumption,
  type SharedRequest,
  sharedRequest,
} from './put-request.ts';

/**
 * For bytes that go into a file that is there: the first bytes under a key are the only ones, and a copy of a delivery that
 * is answered by now changes nothing any more; newer bytes may stand there.
 */
const guardReplacement = ({ claim, ledger, now }: Put) => {
  let answered: { id: string; received: { sha256: string; size: number } } | undefined;
  const beforeCommit = async (received: { sha256: string; size: number }): Promise<void> => {
    if (claim === undefined) return;
    await claimBytes(ledger, claim.key, received.sha256, now());
    const receipt = await readReceipt(ledger, claim.key);
    if (receipt === undefined) return;
    answered = { id: receipt.id, received };
    throw new CourierError('drive-unavailable', { detail: 'Another try of this delivery has been answered.' });
  };
  return { beforeCommit, answered: () => answered };
};

/** Runs an upload that may replace bytes; what another try has answered meanwhile is the answer of this one too. */
export const guarded = async (
  put: Put,
  upload: (guard: Pick<SharedRequest, 'beforeCommit'>) => Promise<Uploaded>,
  place: (uploaded: Uploaded) => Promise<Placed>,
): Promise<Placed> => {
  const { beforeCommit, answered } = guardReplacement(put);
  let uploaded: Uploaded;
  try {
    uploaded = await upload({ beforeCommit });
  } catch (error) {
    const by = answered();
    if (by === undefined) throw error;
    return { file: await mustGet(put, by.id), outcome: 'replayed', received: by.received };
  }
  return place(uploaded);
};

/** New bytes for a file that is there: its id, link and sharing stay. */
export const replace = (put: Put, { fileId: id, convertTo }: Plan & { kind: 'replace' }): Promise<Placed> => {
  const { order, delivery, claim } = put;
  const { mimeType } = delivery.source;
  const target = {
    ...({ kind: 'replace', id, mimeType } as const),
    ...(convertTo === undefined ? {} : { convertTo }),
    ...descriptionOf(put),
  };
  return guarded(
    put,
    (guard) => order.place.drive.upload({ ...sharedRequest(put), ...resumption(put), ...guard, target }),
    async ({ file, sha256, size }) => ({ file, outcome: outcomeOf('replaced', claim), received: { sha256, size } }),
  );
};
