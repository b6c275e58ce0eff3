import type { Bucket } from './objects.ts';

/** What the readers (roles/storage.objectViewer) and the writers of a bucket may do with its objects. */
const READER = ['storage.objects.get', 'storage.objects.list'];
const WRITER = ['storage.objects.create', 'storage.objects.delete'];
const KNOWN = new Set([...READER, ...WRITER]);

/**
 * Those of the permissions that an account holds on a bucket, for `buckets.testIamPermissions`, which needs no permission itself
 * (https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions). Undefined where one is not known here.
 */
export const heldPermissions = (
  { readers, writers }: Bucket,
  email: string,
  asked: readonly string[],
): string[] | undefined => {
  if (asked.length === 0 || asked.some((permission) => !KNOWN.has(permission))) return undefined;
  const held = [...(readers.includes(email) ? READER : []), ...(writers.includes(email) ? WRITER : [])];
  return asked.filter((permission) => held.includes(permission));
};
