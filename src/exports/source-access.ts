import { hasDotSegment } from '../config/schema/sources.ts';
import type { Allow } from '../delivery/resolve-options.ts';
import type { Caller } from '../domain.ts';
import { CourierError } from '../errors.ts';
import type { Log } from '../log.ts';
import { missingObject, type ObjectSource } from './sources/cloud-storage.ts';
import { type ObjectName, objectNotFound } from './sources/object-name.ts';

/**
 * True if the object's name starts with one of the sources, `gs://BUCKET/` or `gs://BUCKET/PREFIX/`. Cloud Storage does not
 * resolve `..`, so `a/../b` would match `a/`. Such names are always rejected.
 */
export const isAllowedSource = (sources: readonly string[], { bucket, object }: ObjectName): boolean =>
  !hasDotSegment(object) && sources.some((source) => `gs://${bucket}/${object}`.startsWith(source));

/** The caller that requests an object, and where the object is to be delivered. */
export interface SourceRequest {
  caller: Caller;
  /** The name in the request. */
  destination?: string | undefined;
  /** The destinations that a Pub/Sub subscription may write to; see `Allow`. */
  allowedDestinations?: readonly string[] | undefined;
  /** The sources that a Pub/Sub subscription may read, in addition to those of the destination. */
  allowedSources?: readonly string[] | undefined;
  /** The key of the request, or the default one of a message. */
  idempotencyKey?: string | undefined;
  requestId: string;
  signal: AbortSignal;
  /** Epoch milliseconds. */
  deadlineMs: number;
}

type Open = (name: ObjectName, time: Pick<SourceRequest, 'signal' | 'deadlineMs'>) => Promise<ObjectSource>;

interface SourceAccessDependencies {
  allow: Allow;
  /** Reads Cloud Storage with the courier's own identity, which can read more than a caller may. */
  open: Open;
  log: Log;
}

/**
 * Opens an object for a caller. It checks the destination first, then whether the object may be delivered there, and
 * only then sends a request to Cloud Storage. An object that is not allowed gets the same error as one that does not
 * exist, so that callers cannot find out which objects exist.
 */
export const createSourceAccess =
  ({ allow, open, log }: SourceAccessDependencies) =>
  async (name: ObjectName, request: SourceRequest): Promise<ObjectSource> => {
    const { caller, allowedDestinations, allowedSources = [], requestId, signal, deadlineMs } = request;
    const destination = allow(caller, request.destination, allowedDestinations);
    if (isAllowedSource([...destination.config.sources, ...allowedSources], name))
      return open(name, { signal, deadlineMs });
    log.warn(
      { requestId, destination: destination.name, bucket: name.bucket, object: name.object },
      'the object matches none of the "sources" of the destination or the subscription; answered as not found',
    );
    throw objectNotFound(name);
  };

/**
 * Opens an object. If it does not exist but its generation is known, it may have been delivered before it was deleted:
 * buckets are often emptied after an export, and messages are redelivered. The result then is a source without bytes,
 * for which only an earlier receipt can be answered.
 */
export const openObjectSource = async (
  { openObject }: { openObject(name: ObjectName, request: SourceRequest): Promise<ObjectSource> },
  object: ObjectName,
  request: SourceRequest,
): Promise<ObjectSource> => {
  try {
    return await openObject(object, request);
  } catch (error) {
    const isMissing = error instanceof CourierError && error.code === 'source-not-found';
    if (!isMissing || object.generation === undefined) throw error;
    return missingObject(object, error);
  }
};
