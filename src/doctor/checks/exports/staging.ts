import type { QueryConfig } from '../../../config/schema/queries.ts';
import { bucketOf } from '../../../config/schema/sources.ts';
import type { DoctorDependencies } from '../../dependencies.ts';
import { heldPermissions, testBucket } from '../../permissions.ts';
import { memberOf } from '../../remedies.ts';
import type { Fault } from '../../report.ts';

/** BigQuery writes the files as the courier's account, which then lists, reads and deletes them. */
const NEEDED = ['create', 'delete', 'get', 'list'].map((action) => `storage.objects.${action}`);

/**
 * Checks the rights on the bucket to which large results of a query are exported. Without them the results are read by pages, so
 * it warns.
 */
export const checkStaging = async (
  dependencies: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  [name, { staging }]: [string, Pick<QueryConfig, 'staging'>],
  { runtimeEmail, deadlineMs }: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Fault[]> => {
  if (staging === null) return [];
  const bucket = bucketOf(staging.prefix);
  const answer = await testBucket(dependencies, bucket, NEEDED, { deadlineMs });
  const held = answer.status === 200 ? heldPermissions(answer) : [];
  const missing = NEEDED.filter((permission) => !held.includes(permission));
  if (missing.length === 0) return [];
  return [
    {
      result: 'warned',
      detail: `Large results of the query "${name}" are read by pages: the courier lacks ${missing.join(', ')} on gs://${bucket}, or the bucket does not exist.`,
      remedy: `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=${memberOf(runtimeEmail)} --role=roles/storage.objectUser`,
    },
  ];
};
