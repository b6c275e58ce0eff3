import { z } from 'zod';
import type { GoogleResponse } from '../google/transport.ts';
import type { DoctorDependencies } from './dependencies.ts';

const permitted = z.object({ permissions: z.array(z.string()).default([]) });

/** Which of the tested permissions the courier has, by an answer of `testIamPermissions`. */
export const heldPermissions = ({ body }: Pick<GoogleResponse, 'body'>): string[] =>
  permitted.parse(JSON.parse(body.toString())).permissions;

/**
 * Asks Cloud Storage which permissions the courier has on a bucket. It needs no permission itself
 * (https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions).
 * @param payer the project to bill, where the bucket requires one
 */
export const testBucket = async (
  { transport, runtime }: Pick<DoctorDependencies, 'transport' | 'runtime'>,
  bucket: string,
  permissions: readonly string[],
  { payer, deadlineMs }: { payer?: string | undefined; deadlineMs: number },
): Promise<GoogleResponse> => {
  const query = permissions.map((permission) => `permissions=${permission}`).join('&');
  const billed = payer === undefined ? '' : `&userProject=${encodeURIComponent(payer)}`;
  return transport.send({
    operation: 'storage.buckets.testIamPermissions',
    method: 'GET',
    url: `https://storage.googleapis.com/storage/v1/b/${encodeURIComponent(bucket)}/iam/testPermissions?${query}${billed}`,
    headers: { authorization: `Bearer ${await runtime.token()}` },
    retry: 'idempotent',
    deadlineMs,
  });
};
