import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CourierError } from '../../errors.ts';
import { parseInput } from '../../http/request/options.ts';
import { fileName, folderPath } from '../../text/file-name.ts';
import { placeOfObject } from '../object-place.ts';
import { labelOf, type ObjectName } from '../sources/object-name.ts';
import { globMatcher } from './glob.ts';
import { type ListedObject, nothingFound } from './list-objects.ts';
import { type Prefix, relativeName } from './prefix.ts';

/** The decision about an object that was listed. */
export type PrefixFile =
  | { kind: 'file'; object: ObjectName; name: string; path: string; size: number }
  | { kind: 'fault'; object: ObjectName; error: CourierError }
  | { kind: 'ignored' };

const place = z.strictObject({ name: fileName, path: folderPath });

interface PrefixQuery {
  prefix: Prefix;
  match: string | undefined;
  /** Folders below the destination's, below which the objects are put. */
  base: string;
}

const fileOf = ({ name: object, generation, size }: ListedObject, { prefix, base }: PrefixQuery): PrefixFile => {
  // A placeholder of a folder, also of the prefix itself.
  if (object.endsWith('/')) return { kind: 'ignored' };
  const pinned: ObjectName = { bucket: prefix.bucket, object, generation };
  const found = placeOfObject(relativeName(prefix, object));
  if ('ignored' in found) {
    const error = new CourierError('name-invalid', {
      detail: `The object cannot be delivered: ${found.ignored}.`,
      remedy: 'Rename the object, or deliver it by its own name with "gcs" and "name".',
    });
    return { kind: 'fault', object: pinned, error };
  }
  try {
    const { name, path } = parseInput(place, { name: found.name, path: `${base}/${found.path}` });
    return { kind: 'file', object: pinned, name, path, size };
  } catch (error) {
    return { kind: 'fault', object: pinned, error: error as CourierError };
  }
};

/**
 * The files for the objects below a prefix. Only one page of the listing is in memory, however many objects there are.
 * @throws CourierError `source-not-found` if there is none, `request-invalid` for the pattern, and errors of the listing
 */
export async function* filesOfPrefix(
  objects: AsyncIterable<ListedObject>,
  query: PrefixQuery,
): AsyncGenerator<PrefixFile> {
  const { prefix, match } = query;
  const matches = match === undefined ? () => true : globMatcher(match);
  let count = 0;
  for await (const object of objects) {
    if (!matches(relativeName(prefix, object.name))) continue;
    const file = fileOf(object, query);
    if (file.kind !== 'ignored') count += 1;
    yield file;
  }
  if (count === 0) throw nothingFound(prefix);
}

/** `gs://bucket/object#generation`, the permanent name of the bytes. */
export const identityOf = (object: ObjectName): string => `${labelOf(object)}#${object.generation ?? ''}`;

/**
 * The key of an object: its identity, so that one generation is delivered once however it is requested; or, if the request
 * has a key, one that is derived from both, so that a request with another key can deliver the object elsewhere.
 */
export const keyOfObject = (key: string | undefined, object: ObjectName): string =>
  key === undefined
    ? identityOf(object)
    : `object/${createHash('sha256')
        .update(JSON.stringify([key, identityOf(object)]))
        .digest('base64url')}`;
