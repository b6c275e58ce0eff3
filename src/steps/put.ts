import { checkDigest } from '../digest.ts';
import { resolveNamedFile } from '../drive/named-file.ts';
import { isThere } from '../drive/names.ts';
import { hashOf } from './claim.ts';
import { choosePlan, type Plan } from './plan.ts';
import { convert } from './put-conversion.ts';
import { create } from './put-new-file.ts';
import { replace } from './put-replacement.ts';
import { mustGet, type Placed, type Put } from './put-request.ts';
import { laterId } from './spent-id.ts';

const skip = async (put: Put, plan: Plan & { kind: 'skip' }): Promise<Placed> => {
  const { source, expectedSha256 } = put.delivery;
  // Read to its end all the same: callers that do not look for an early answer would only see their connection reset.
  if (source.identity === undefined) {
    const { sha256, size } = await hashOf(source, put.order.place.config.maxBytes);
    // No bytes at all, with the digest of some, only ask for the receipt: a client whose upload session was refused.
    if (size > 0) checkDigest(expectedSha256, sha256);
  }
  return { file: await mustGet(put, plan.fileId), outcome: 'skipped' };
};

/**
 * An earlier try's plan may be old by now: the file to be replaced can have gone, the id to create with can be spent. The
 * ledger's entries for the name, or for the key, lead all tries to the same other one.
 */
const currentPlan = async (put: Put): Promise<Plan> => {
  const { order, plan, claim, delivery, ledger, context, log, now } = put;
  if (claim === undefined || claim.mine || (plan.kind !== 'create' && plan.kind !== 'replace')) return plan;
  const { drive } = order.place;
  const { name } = order;
  const { folderId, fileId } = plan;
  const file = await drive.get(fileId, context);
  if (file !== undefined && (plan.kind === 'create' ? !file.trashed : isThere({ folderId, name }, file))) return plan;
  if (plan.kind === 'create' && plan.nameKey === undefined) {
    return { ...plan, fileId: (await laterId(ledger, claim.key))?.fileId ?? fileId };
  }
  if (plan.kind === 'create') {
    // The same id as before, unless the name has gone on to another one; whose file it is shows when it is there.
    const named = await resolveNamedFile({ drive, ledger, folderId, name, context, log, now });
    return 'existing' in named
      ? { ...plan, fileId: named.existing.id }
      : { ...plan, fileId: named.claimedId, nameKey: named.nameKey };
  }
  return choosePlan({ ...put, order: { ...order, onConflict: 'replace' }, folderId, source: delivery.source });
};

/** Does what was planned, and says what came of it. */
export const putBytes = async (planned: Put): Promise<Placed> => {
  const plan = await currentPlan(planned);
  const put = { ...planned, plan };
  switch (plan.kind) {
    case 'create':
      return create(put, plan);
    case 'replace':
      return replace(put, plan);
    case 'skip':
      return skip(put, plan);
    case 'convert':
      return convert(put, plan);
  }
};
