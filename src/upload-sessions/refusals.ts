import { mayBeLocked, type Plan } from '../delivery/plan.ts';
import type { ResolvedRequest } from '../delivery/resolve-options.ts';
import type { CallContext } from '../drive/drive.ts';
import { CourierError } from '../errors.ts';

/** What upload sessions cannot do. */

/** @throws CourierError `request-invalid` */
export const refuseConversion = (request: ResolvedRequest): void => {
  if (request.convertTo !== undefined) {
    throw new CourierError('request-invalid', {
      detail:
        'convertTo cannot be combined with an upload session: Drive accepts no id for a conversion, so a retry could create a second file. Send it to POST /v1/files.',
    });
  }
};

/** The reason of a refusal to replace a read-only file. */
export const READ_ONLY = 'content-restricted';

/**
 * The content restriction of a file would have to stay removed until the caller has sent the bytes, which may take a week.
 * Called before the key is claimed, so that the file can be sent with the same key in another way.
 */
export const refuseReadOnly = async (plan: Plan, request: ResolvedRequest, context: CallContext): Promise<Plan> => {
  const { drive, config } = request.destination;
  if (plan.kind !== 'replace' || !mayBeLocked({ request, plan })) return plan;
  if (!config.readOnly && (await (await drive.policy()).lockOf(plan.fileId, context))?.isLocked !== true) return plan;
  throw new CourierError('request-invalid', {
    detail: 'An upload session cannot replace this file, because it is read-only.',
    remedy: 'Send the file to POST /v1/files.',
    reason: READ_ONLY,
  });
};
