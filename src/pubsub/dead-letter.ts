import { CourierError } from '../errors.ts';
import type { GoogleResponse } from '../google/transport.ts';
import type { Log } from '../log.ts';
import { turn } from '../turns.ts';
import type { PubsubMessage } from './message.ts';
import { type PublishDependencies, publishTo, TOPIC_REMEDY } from './topic.ts';

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const MAX_ATTRIBUTES = 100;
const MAX_VALUE_BYTES = 1_024;

interface DeadLetterDependencies extends PublishDependencies {
  /** `projects/PROJECT/topics/NAME` */
  topic: string | undefined;
  log: Log;
}

/** Truncates a text to the maximum size of an attribute, at a character boundary. */
const truncated = (text: string): string => {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= MAX_VALUE_BYTES) return text;
  let end = MAX_VALUE_BYTES - 3;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}…`;
};

/** The attributes of the message, and in addition the reason and the origin of the dead letter. */
const attributesOf = (message: PubsubMessage, reason: CourierError): Record<string, string> => {
  const why = {
    courierCode: reason.code,
    courierDetail: truncated(reason.detail ?? reason.title),
    courierMessageId: truncated(message.id || 'unknown'),
    ...(message.subscription === undefined ? {} : { courierSubscription: truncated(message.subscription) }),
  };
  const own = Object.entries(message.attributes)
    // Keys that start with "goog" are reserved for Google. Publishers cannot set them.
    .filter(([name]) => name !== '' && !name.startsWith('goog') && !Object.hasOwn(why, name))
    .slice(0, MAX_ATTRIBUTES - Object.keys(why).length - 1);
  return { ...Object.fromEntries(own), ...why };
};

const failed = (
  { status }: GoogleResponse,
  topic: string,
  { account }: Pick<PublishDependencies, 'account'>,
): CourierError =>
  new CourierError('google-unavailable', {
    detail: `The dead-letter topic ${topic} did not accept the message (${status}).`,
    remedy: TOPIC_REMEDY,
    facts: { topic, courier: account?.() },
  });

/** A multiple of three, so that each piece can be encoded in base64 without padding. */
const DATA_PIECE_BYTES = 49_152;

/** The JSON of the request. The data may be ten megabytes, so it is encoded piece by piece, directly into the body. */
const publishBody = async (data: Buffer, rest: object): Promise<Buffer> => {
  const message = JSON.stringify(rest);
  if (data.byteLength === 0) return Buffer.from(`{"messages":[${message}]}`);
  const head = Buffer.from(`{"messages":[${message.slice(0, -1)},"data":"`);
  const tail = Buffer.from('"}]}');
  const dataBytes = Math.ceil(data.byteLength / 3) * 4;
  const body = Buffer.allocUnsafeSlow(head.byteLength + dataBytes + tail.byteLength);
  head.copy(body);
  let at = head.byteLength;
  for (let from = 0; from < data.byteLength; from += DATA_PIECE_BYTES) {
    if (from > 0) await turn();
    at += body.write(data.toString('base64', from, from + DATA_PIECE_BYTES), at, 'latin1');
  }
  tail.copy(body, at);
  return body;
};

/**
 * Publishes an unchanged message that can never be delivered, with the reason. Returns false if no topic is configured. A
 * dead letter may be published twice, but is never lost.
 */
export const createDeadLetters = ({
  topic,
  log,
  ...dependencies
}: DeadLetterDependencies): ((message: PubsubMessage, reason: CourierError) => Promise<boolean>) => {
  if (topic === undefined) return async () => false;

  const publish = async (
    data: Buffer,
    attributes: Record<string, string>,
    orderingKey: string | undefined,
  ): Promise<GoogleResponse> => publishTo(topic, await publishBody(data, { attributes, orderingKey }), dependencies);

  return async (message, reason) => {
    const attributes = attributesOf(message, reason);
    let answer = await publish(message.data, attributes, message.orderingKey);
    if (answer.status === 400 && message.data.byteLength > 0) {
      // Together with the reason, the data may exceed the size limit of a message. The reason is more important.
      const bytes = String(message.data.byteLength);
      log.warn({ messageId: message.id, bytes }, 'the dead letter was rejected; it is published without its data');
      answer = await publish(Buffer.alloc(0), { ...attributes, courierDataDropped: bytes }, message.orderingKey);
    }
    if (answer.status !== 200) throw failed(answer, topic, dependencies);
    return true;
  };
};
