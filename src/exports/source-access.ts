import type { Caller } from '../domain.ts';
import type { Log } from '../log.ts';
import { isAllowedSource } from './sources/allowed.ts';
import { type ObjectName, type ObjectSource, objectNotFound } from './sources/cloud-storage.ts';
import type { Allow } from '../delivery/resolve-options.ts';

/** Who wants an object, and where it is to go. */
export interface SourceRequest {
  caller: Caller;
  /** As the request names it. */
  destination?: string | undefined;
  /** What this work may write to by its way of coming; see `Allow`. */
  allowedDestinations?: readonly string[];
  /** Objects that this work may read by its way of coming, beside those that the destination lists. */
  allowedSources?: readonly string[];
  requestId: string;
  signal: AbortSignal;
  deadlineMs: number;
}

type Open = (name: ObjectName, time: Pick<SourceRequest, 'signal' | 'deadlineMs'>) => Promise<ObjectSource>;

interface SourceAccessDependencies {
  allow: Allow;
  /** Reads Cloud Storage as the courier itself, which may see more than any caller should. */
  open: Open;
  log: Log;
}

/**
 * Opens an object for somebody: first the destination is decided, then whether this object may go there, and only then is
 * Cloud Storage asked. What may not go there is answered as if it did not exist, so that nobody learns what does.
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
      'the object is below none of the "sources" of the destination or the subscription: answered as not found',
    );
    throw objectNotFound(name);
  };
