import { type CloudStorageDependencies, objectUrl } from './cloud-storage.ts';
import { labelOf, type ObjectName } from './object-name.ts';
import { storageError } from './storage-refusal.ts';

/** Deletes one generation of an object, if it exists. @throws CourierError `source-forbidden`, `google-unavailable` */
export const deleteObject = async (
  { transport, userProject, ...bearer }: CloudStorageDependencies,
  name: ObjectName,
): Promise<void> => {
  const answer = await transport.send({
    operation: 'storage.objects.delete',
    method: 'DELETE',
    url: objectUrl(name, undefined).href,
    bearer,
    retry: 'idempotent',
  });
  if (answer.status === 204 || answer.status === 404) return;
  throw storageError(answer, {
    bucket: name.bucket,
    label: labelOf(name),
    userProject,
    isDeletion: true,
    courier: bearer.account?.(),
  });
};
