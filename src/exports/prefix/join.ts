import { createHash } from 'node:crypto';
import type { Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import type { HttpDependencies } from '../../http/dependencies.ts';
import { mediaTypeByName } from '../../text/media-type.ts';
import type { SourceRequest } from '../source-access.ts';
import { labelOf, type ObjectName } from '../sources/object-name.ts';
import { globMatcher } from './glob.ts';
import { decompressed } from './decompressed.ts';
import { joinCsv, type Shard } from './join-csv.ts';
import { nothingFound } from './list-objects.ts';
import { parsePrefix, prefixLabel, relativeName } from './prefix.ts';
import { identityOf } from './prefix-files.ts';

/** The names and generations of all shards are in memory. */
const MAX_SHARDS = 10_000;

export interface JoinRequest {
  gcsPrefix: string;
  match?: string | undefined;
  join: 'csv' | 'bytes';
  /** The name of the joined file, if the request has one. */
  name?: string | undefined;
}

type JoinDependencies = Pick<HttpDependencies, 'openObject' | 'openPrefix'>;

/** Lists the shards in the order of their names, in the generations that exist now. */
const pinShards = async (
  dependencies: JoinDependencies,
  { gcsPrefix, match }: JoinRequest,
  request: SourceRequest,
): Promise<ObjectName[]> => {
  const prefix = parsePrefix(gcsPrefix);
  const matches = match === undefined ? () => true : globMatcher(match);
  const shards: ObjectName[] = [];
  for await (const { name, generation } of (await dependencies.openPrefix(prefix, request)).objects) {
    // Placeholders of folders have no content.
    if (name.endsWith('/') || !matches(relativeName(prefix, name))) continue;
    if (shards.length === MAX_SHARDS) {
      throw new CourierError('too-large', {
        detail: `There are more than ${MAX_SHARDS} objects to join below ${prefixLabel(prefix)}.`,
        remedy: 'Join them in several parts, by a longer gcsPrefix or by "match".',
      });
    }
    shards.push({ bucket: prefix.bucket, object: name, generation });
  }
  if (shards.length === 0) throw nothingFound(prefix);
  return shards;
};

async function* concatenated(shards: AsyncIterable<Shard>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of shards) yield* bytes;
}

/**
 * One source of all objects below a prefix. Their generations are pinned before the first byte is read. The identity is that
 * of the whole set: the same set is delivered once, and if one object has changed, it is another set.
 * @throws CourierError `source-not-found`, `source-forbidden`, `request-invalid`, `too-large`, `google-unavailable`
 */
export const openJoined = async (
  dependencies: JoinDependencies,
  join: JoinRequest,
  request: SourceRequest,
): Promise<Source & { identity: string }> => {
  const shards = await pinShards(dependencies, join, request);
  async function* opened(): AsyncGenerator<Shard> {
    for (const shard of shards) {
      const source = await dependencies.openObject(shard, request);
      const label = labelOf(shard);
      yield { label, bytes: decompressed(source, label, join.join) };
    }
  }
  const set = createHash('sha256').update(JSON.stringify([join.join, ...shards.map(identityOf)]));
  return {
    size: undefined,
    mimeType: join.join === 'csv' ? 'text/csv' : mediaTypeByName(join.name),
    identity: `${join.gcsPrefix}#${set.digest('hex')}`,
    open: () => (join.join === 'csv' ? joinCsv(opened()) : concatenated(opened())),
  };
};
