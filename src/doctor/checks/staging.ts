import { z } from 'zod';
import type { QueryConfig } from '../../config/schema/queries.ts';
import type { DoctorDependencies } from '../dependencies.ts';
import { memberOf } from '../remedies.ts';
import type { Fault } from '../report.ts';

/** BigQuery writes the files as the courier's account, which then lists, reads and deletes them. */
const NEEDED = ['create', 'delete', 'get', 'list'].map((action) => `storage.objects.${action}`);

const permitted = z.object({ permissions: z.array(z.string()).default([]) });

/**
 * Checks the rights on the bucket to which large results of a query are exported. Without them the results are read by pages, so
 * it warns. Cloud Storage answers without any further role.
 */
export const checkStaging = async (
  { transport, runtime }: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  [name, { staging }]: [string, Pick<QueryConfig, 'staging'>],
  { runtimeEmail, deadlineMs }: { runtimeEmail: string | undefined; deadlineMs: number },
): Promise<Fault[]> => {
  if (staging === null) return [];
  const [bucket = ''] = staging.prefix.slice('gs://'.length).split('/');
  const { status, body } = await transport.send({
    operation: 'storage.buckets.testIamPermissions',
    method: 'GET',
    url: `https://storage.googleapis.com/storage/v1/b/${encodeURIComponent(bucket)}/iam/testPermissions?${NEEDED.map((each) => `permissions=${each}`).join('&')}`,
    headers: { authorization: `Bearer ${await runtime.token()}` },
    retry: 'idempotent',
    deadlineMs,
  });
  const held = status === 200 ? permitted.parse(JSON.parse(body.toString())).permissions : [];
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
