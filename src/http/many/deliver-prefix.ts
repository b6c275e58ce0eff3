import type { Caller } from '../../domain.ts';
import { asExport, type ManyDocument } from '../../exports/export-document.ts';
import { parsePrefix } from '../../exports/prefix/prefix.ts';
import { filesOfPrefix, identityOf, keyOfObject, type PrefixFile } from '../../exports/prefix/prefix-files.ts';
import { openObjectSource } from '../../exports/source-access.ts';
import type { Slots } from '../capacity.ts';
import type { HttpDependencies } from '../dependencies.ts';
import type { RequestTime } from '../request-context.ts';
import type { WriteLine } from './answer-lines.ts';
import { deliverMany, type Found } from './deliver-many.ts';

interface PrefixDependencies
  extends Pick<HttpDependencies, 'deliver' | 'openObject' | 'openPrefix' | 'now' | 'requestSeconds' | 'log'> {
  slots: Slots;
}

interface PrefixRequest {
  caller: Caller;
  requestId: string;
  time: RequestTime;
  write: WriteLine;
  /** The idempotency key of the request. */
  key: string | undefined;
}

/**
 * Delivers the objects below a prefix, each in the generation that was listed.
 * @throws CourierError `destination-forbidden`, `source-not-found`, `request-invalid`, and errors of the listing
 */
export const deliverPrefix = async (
  dependencies: PrefixDependencies,
  { source, idempotencyKey: _, ...options }: ManyDocument,
  { key, ...request }: PrefixRequest,
): Promise<void> => {
  const { caller, requestId, time } = request;
  const sender = { caller, requestId, destination: options.destination };
  const prefix = parsePrefix(source.gcsPrefix);
  const { destinationPath, objects } = await dependencies.openPrefix(prefix, { ...sender, ...time });
  const query = { prefix, match: source.match, base: options.path ?? destinationPath };
  const implied = options.path === undefined ? { isPathOfObject: true, pathTemplate: destinationPath } : {};

  const asFound = (file: PrefixFile): Found => {
    if (file.kind === 'ignored') return file;
    const { object } = file;
    const origin = { object: identityOf(object) };
    if (file.kind === 'fault') return { ...file, origin };
    const { name, path } = file;
    return {
      kind: 'file',
      origin,
      isStream: false,
      async open(within) {
        const opened = await openObjectSource(dependencies, object, { ...sender, ...within });
        const { name: _name, suffix, ...bytes } = opened;
        const delivered = asExport({ ...options, name, path, suffix, ...implied }, bytes);
        return { ...delivered, idempotencyKey: keyOfObject(key, object) };
      },
    };
  };
  async function* found(): AsyncGenerator<Found> {
    for await (const file of filesOfPrefix(objects, query)) yield asFound(file);
  }
  await deliverMany(dependencies, request, found());
};
