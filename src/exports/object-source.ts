import { CourierError } from '../errors.ts';
import { goneObject, type ObjectName, type ObjectSource } from './sources/cloud-storage.ts';
import type { SourceRequest } from './source-access.ts';
import type { Services } from '../http/services.ts';

/**
 * Opens an object. One that is not there, in a generation that is known, may have been delivered before it went: a bucket
 * is often emptied behind its exports, and a message that comes twice is no fault then.
 */
export const openObjectSource = async (
  { openObject }: Pick<Services, 'openObject'>,
  object: ObjectName,
  request: SourceRequest,
): Promise<ObjectSource> => {
  try {
    return await openObject(object, request);
  } catch (error) {
    const isGone = error instanceof CourierError && error.code === 'source-not-found';
    if (!isGone || object.generation === undefined) throw error;
    return goneObject(object, error);
  }
};
