import { resolveNamedFile } from '../drive/named-file.ts';
import { isThere } from '../drive/names.ts';
import { CourierError } from '../errors.ts';
import { hashOf } from './claim.ts';
import { choosePlan, type Plan } from './plan.ts';
import { convert } from './put-conversion.ts';
import { create } from './put-new-file.ts';
import { replace } from './put-replacement.ts';
import { mustGet, type Placed, type Put } from './put-request.ts';

const skip = async (put: Put, plan: Plan & { kind: 'skip' }): Promise<Placed> => {
  const { source, expectedSha256 } = put.delivery;
  // Read to its end all the same: callers that do not look for an early answer would only see their connection reset.
  if (source.identity === undefined) {
    const { sha256 } = await hashOf(source, put.order.place.config.maxBytes);
    if (expectedSha256 !== undefined && expectedSha256 !== sha256) throw new CourierError('digest-mismatch');
  }
  return { file: await mustGet(put, plan.fileId), outcome: 'skipped' };
};

/**
 * An earlier try's plan may be old by now: the file to be replaced, or made under the name's id, can have gone for good. The
 * name's entry in the ledger leads all tries to the same other one.
 */
const currentPlan = async (put: Put): Promise<Plan> => {
  const { order, plan, claim, delivery, ledger, context, log, now } = put;
  const isNamed = plan.kind === 'replace' || (plan.kind === 'create' && plan.nameKey !== undefined);
  if (!isNamed || claim === undefined || claim.mine) return plan;
  const { drive } = order.place;
  const { name } = order;
  const { folderId, fileId } = plan;
  const file = await drive.get(fileId, context);
  if (file !== undefined && (plan.kind === 'create' || isThere({ folderId, name }, file))) return plan;
  if (plan.kind === 'create') {
    // Not made yet, or made in this moment: the plan stands unless the name has gone on to another id.
    const named = await resolveNamedFile({ drive, ledger, folderId, name, context, log, now });
    if (('existing' in named ? named.existing.id : named.claimedId) === fileId) return plan;
  }
  const onConflict = plan.kind === 'create' ? plan.rule : 'replace';
  return choosePlan({ ...put, order: { ...order, onConflict }, folderId, source: delivery.source });
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
