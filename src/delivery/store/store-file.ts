import { checkDigest } from '../../digest.ts';
import type { DriveFile } from '../../drive/drive.ts';
import { hashOf } from '../idempotency.ts';
import type { Plan } from '../plan.ts';
import { convert } from './convert-file.ts';
import { createFile } from './create-file.ts';
import { replace } from './replace-file.ts';
import { mustGet, type Placed, type Put } from './upload-step.ts';

const skip = async (put: Put, plan: Plan & { kind: 'skip' }): Promise<Placed> => {
  const { source, expectedSha256 } = put.delivery;
  // Read to its end although nothing is stored: callers that do not look for an early answer would only see a reset connection.
  if (source.identity === undefined) {
    const { sha256, size } = await hashOf(source, put.order.place.config.maxBytes);
    // No bytes at all, with the digest of some, only ask for the receipt: a client whose upload session was refused.
    if (size > 0) checkDigest(expectedSha256, sha256);
  }
  return { file: await mustGet(put, plan.fileId), outcome: 'skipped' };
};

/**
 * Does what was planned, and tells what came of it.
 * @param existing the file of the plan's id, where Drive has it already
 */
export const putBytes = (put: Put, existing: DriveFile | undefined): Promise<Placed> => {
  const { plan } = put;
  switch (plan.kind) {
    case 'create':
      return createFile(put, plan, existing);
    case 'replace':
      return replace(put, plan);
    case 'skip':
      return skip(put, plan);
    case 'convert':
      return convert(put, plan);
  }
};
