import { type Allow, fillTemplate } from '../../delivery/resolve-options.ts';
import type { Log } from '../../log.ts';
import type { Clocks } from '../../steady-clock.ts';
import { isAllowedSource, type SourceRequest } from '../source-access.ts';
import { type ListedObject, nothingFound } from './list-objects.ts';
import type { Prefix } from './prefix.ts';

interface PrefixAccessDependencies {
  allow: Allow;
  /** Lists with the courier's own identity, which can see more than a caller may. */
  list(prefix: Prefix, time: Pick<SourceRequest, 'signal' | 'deadlineMs'>): AsyncIterable<ListedObject>;
  wall: Clocks['wall'];
  log: Log;
}

export interface OpenedPrefix {
  /** The default path of the destination. */
  destinationPath: string;
  /** The same path with its placeholders filled in. @param sinceMs epoch milliseconds; default: now */
  pathAt?(sinceMs: number | undefined): string;
  /** The destination has no folders: it is a spreadsheet. */
  ignoresPath?: boolean;
  /** Nothing is listed before the first object is requested. */
  objects: AsyncIterable<ListedObject>;
}

/**
 * Opens a prefix for a caller, by the rules for objects: the whole prefix must be below one of the "sources". A prefix
 * that is not allowed gets the same error as one without objects, and Cloud Storage is not asked.
 * @throws CourierError `destination-forbidden`, `source-not-found`
 */
export const createPrefixAccess =
  ({ allow, list, wall, log }: PrefixAccessDependencies) =>
  (prefix: Prefix, request: SourceRequest): OpenedPrefix => {
    const { caller, allowedDestinations, allowedSources = [], requestId, signal, deadlineMs } = request;
    const destination = allow(caller, request.destination, allowedDestinations);
    const name = { bucket: prefix.bucket, object: prefix.prefix };
    if (isAllowedSource([...destination.config.sources, ...allowedSources], name)) {
      const { path: destinationPath, spreadsheet } = destination.config;
      const ignoresPath = spreadsheet !== undefined;
      const pathAt = (sinceMs = wall()): string => fillTemplate(destinationPath, destination, { caller, sinceMs });
      return { destinationPath, pathAt, ignoresPath, objects: list(prefix, { signal, deadlineMs }) };
    }
    log.warn(
      { requestId, destination: destination.name, bucket: prefix.bucket, prefix: prefix.prefix },
      'the prefix matches none of the "sources" of the destination or the subscription; answered as not found',
    );
    throw nothingFound(prefix);
  };
