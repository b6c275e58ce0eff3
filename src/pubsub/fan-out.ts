import type { ManyDocument } from '../exports/export-document.ts';
import { parsePrefix } from '../exports/prefix/prefix.ts';
import { filesOfPrefix, identityOf, keyOfObject, type PrefixFile } from '../exports/prefix/prefix-files.ts';
import type { SourceRequest } from '../exports/source-access.ts';
import { labelOf } from '../exports/sources/object-name.ts';
import type { HttpDependencies } from '../http/dependencies.ts';
import type { PubsubMessage } from './message.ts';
import type { MessageOrigin, NewMessage } from './publish.ts';

// Limits of Pub/Sub: https://cloud.google.com/pubsub/quotas#resource_limits
/** Messages in one request. Pub/Sub accepts 1,000 of them, in 10 MB. */
const BATCH = 500;
/** Bytes of the data of one request, before they are written as base64. Attributes take the rest. */
const BATCH_BYTES = 2_000_000;
const MAX_ATTRIBUTE_BYTES = 1_024;

type FanOutDependencies = Pick<HttpDependencies, 'openPrefix' | 'publishAgain' | 'log'>;

/**
 * The attributes of the message for an object: those of the original message, so that the subscription's filter, which
 * accepted that one, accepts this one too. `path` differs, because it must agree with the document, and is left out if it is
 * too long for an attribute.
 */
const attributesFor = (attributes: PubsubMessage['attributes'], path: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(attributes)
      // Keys that start with "goog" are reserved for Google. The key of the original message is that of no object.
      .filter(([name]) => name !== 'idempotencyKey' && !name.startsWith('goog'))
      .map(([name, value]) => [name, name === 'path' ? path : value] as const)
      .filter(([, value]) => Buffer.byteLength(value) <= MAX_ATTRIBUTE_BYTES),
  );

/**
 * Publishes one message for each object below a prefix to the topic of the original message, so that each object has
 * the time and the retries of a message of its own. If anything fails, the original message is redelivered, and the same
 * messages are published again: each has the key of its object and generation, so nothing is delivered twice.
 * @returns the number of messages
 * @throws CourierError `destination-forbidden`, `source-not-found`, `request-invalid`, `google-unavailable`, and errors of
 * the listing
 */
export const fanOut = async (
  { openPrefix, publishAgain, log }: FanOutDependencies,
  message: PubsubMessage,
  { source, idempotencyKey, ...options }: ManyDocument,
  context: Omit<SourceRequest, 'destination'> & Pick<MessageOrigin, 'origin' | 'topic'>,
): Promise<number> => {
  const { origin, topic, ...sender } = context;
  const prefix = parsePrefix(source.gcsPrefix);
  const opened = await openPrefix(prefix, { ...sender, destination: options.destination });
  const { objects } = opened;
  // The time of publishing is the same for every redelivery, and so are the messages for the objects.
  const defaultPath = opened.pathAt?.(Date.parse(message.publishTime ?? '') || undefined) ?? opened.destinationPath;
  const ignoresPath = opened.ignoresPath === true && options.path === undefined;

  const messageFor = ({ object, path }: PrefixFile & { kind: 'file' }): NewMessage => {
    const key = idempotencyKey === undefined ? undefined : keyOfObject(idempotencyKey, object);
    // Without a name, the file gets that of the object, with the ending of its encoding.
    const place = ignoresPath ? {} : { path };
    const document = { ...options, idempotencyKey: key, ...place, source: { gcs: identityOf(object) } };
    return {
      data: Buffer.from(JSON.stringify(document)),
      attributes: attributesFor(message.attributes, path),
      orderingKey: message.orderingKey,
    };
  };

  let published = 0;
  let batch: NewMessage[] = [];
  let batchBytes = 0;
  const add = (message: NewMessage): void => {
    batch.push(message);
    batchBytes += message.data.byteLength;
  };
  const publish = async (): Promise<void> => {
    if (batch.length > 0) await publishAgain({ origin, topic, signal: context.signal }, batch);
    published += batch.length;
    batch = [];
    batchBytes = 0;
  };
  const query = { prefix, match: source.match, base: options.path ?? defaultPath };
  for await (const file of filesOfPrefix(objects, query)) {
    if (file.kind === 'fault') {
      const { code } = file.error;
      log.warn(
        { requestId: context.requestId, object: labelOf(file.object), code },
        'an object below a prefix is skipped',
      );
    } else if (file.kind === 'file') add(messageFor(file));
    if (batch.length === BATCH || batchBytes >= BATCH_BYTES) await publish();
  }
  await publish();
  return published;
};
