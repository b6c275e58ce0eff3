import { createHash } from 'node:crypto';
import type { KeyFrom, TransferRunRules } from '../config/schema/pubsub.ts';
import type { Caller, Receipt } from '../domain.ts';
import { asCourierError, type CourierError, isPermanent } from '../errors.ts';
import type { HttpDependencies } from '../http/dependencies.ts';
import type { PubsubMessage } from './message.ts';
import { readMessage } from './message-export.ts';

/** The sender of a message, and its permissions. */
export interface MessageContext {
  caller: Caller;
  /** The subscription, or the topic of an event. With the message id it is the default idempotency key. */
  origin: string;
  /** The topic of an event; unknown for a push. */
  topic?: string | undefined;
  allowedDestinations: readonly string[];
  /** Cloud Storage objects that it may deliver, in addition to the sources of the destination. */
  allowedSources: readonly string[];
  keyFrom?: KeyFrom | undefined;
  transferRuns?: TransferRunRules | undefined;
  requestId: string;
  signal: AbortSignal;
  deadlineMs: number;
}

/** The result for a message that must not be redelivered. */
export type Outcome =
  | { kind: 'delivered'; receipt: Receipt }
  | { kind: 'fanned-out'; messages: number }
  | { kind: 'rotated' }
  | { kind: 'ignored' }
  | { kind: 'given-up'; reason: CourierError };

/** The fields that identify a message in the log. Its data and attributes are not logged. */
export const messageFields = ({ id, subscription, deliveryAttempt, orderingKey }: PubsubMessage, origin: string) => ({
  origin: subscription ?? origin,
  messageId: id,
  deliveryAttempt,
  orderingKey,
});

/**
 * Acknowledges a message that can never be delivered, after it is published to the dead-letter topic.
 * @throws CourierError `google-unavailable`
 */
const giveUp = async (
  { deadLetter, log }: Pick<HttpDependencies, 'deadLetter' | 'log'>,
  message: PubsubMessage,
  reason: CourierError,
  { origin, requestId }: Pick<MessageContext, 'origin' | 'requestId'>,
): Promise<Outcome> => {
  const deadLettered = await deadLetter(message, reason);
  log.error(
    { pubsub: messageFields(message, origin), requestId, code: reason.code, error: reason, deadLettered },
    deadLettered
      ? 'permanent failure: the message is published as a dead letter'
      : 'permanent failure: the message is acknowledged without delivery; no dead-letter topic is set',
  );
  return { kind: 'given-up', reason };
};

/** What distinguishes the occasion of a message, by the rule of its subscription; undefined if the message lacks it. */
const occasionOf = ({ attributes, publishTime = '' }: PubsubMessage, rule: KeyFrom): string | undefined => {
  if ('attribute' in rule) {
    const value = attributes[rule.attribute] || undefined;
    // Keys are visible ASCII characters, and attributes any text.
    const isPlain = value === undefined || /^[\w.:+/-]{1,64}$/.test(value);
    return isPlain ? value : createHash('sha256').update(value).digest('hex');
  }
  const [minute, hour] = /^(\d{4}-\d\d-\d\dT\d\d):\d\d/.exec(publishTime) ?? [];
  return rule.publishTime === 'hour' ? hour : minute;
};

/** The key of a message that has none of its own: the occasion that it is about, else the message itself. */
const messageKeyOf = (message: PubsubMessage, { origin, keyFrom }: MessageContext): string => {
  const occasion = keyFrom === undefined ? undefined : occasionOf(message, keyFrom);
  if (keyFrom === undefined || occasion === undefined) return `${origin}/${message.id}`;
  return `${origin}/${'attribute' in keyFrom ? keyFrom.attribute : 'publishTime'}=${occasion}`;
};

export type MessageDependencies = Pick<
  HttpDependencies,
  | 'deadLetter'
  | 'deliver'
  | 'openObject'
  | 'openPrefix'
  | 'openQuery'
  | 'publishAgain'
  | 'secretRotated'
  | 'project'
  | 'log'
>;

const work = async (
  dependencies: MessageDependencies,
  message: PubsubMessage,
  context: MessageContext,
): Promise<Outcome> => {
  const { origin, allowedSources, topic: _topic, keyFrom: _keyFrom, transferRuns, ...rest } = context;
  const logFields = { pubsub: messageFields(message, origin), requestId: context.requestId };
  const messageKey = messageKeyOf(message, context);
  const sender = { ...rest, allowedSources, idempotencyKey: messageKey };
  const reading = await readMessage(message, dependencies, sender, transferRuns);
  if (reading.kind === 'ignored') {
    dependencies.log[reading.isLoss === true ? 'warn' : 'info']({ ...logFields, why: reading.why }, 'message ignored');
    return { kind: 'ignored' };
  }
  if (reading.kind === 'many') {
    const { fanOut } = await import('./fan-out.ts');
    const messages = await fanOut(dependencies, message, reading.document, context);
    dependencies.log.info({ ...logFields, messages }, 'message fanned out, one message an object');
    return { kind: 'fanned-out', messages };
  }
  if (reading.kind === 'rotated') {
    dependencies.secretRotated(reading.secret);
    dependencies.log.info({ ...logFields, secret: reading.secret }, 'a secret has changed');
    return reading;
  }
  const { source, idempotencyKey = source.identity ?? messageKey, options } = reading.opened;
  const receipt = await dependencies.deliver({ ...rest, options, source, idempotencyKey });
  dependencies.log.info({ ...logFields, fileId: receipt.id }, `message ${receipt.outcome}`);
  return { kind: 'delivered', receipt };
};

/**
 * Handles a message. A permanent error is dead-lettered.
 * @param fault an error that was found when the message was read
 * @throws CourierError a transient error, after which the message is to be redelivered
 */
export const handleMessage = async (
  dependencies: MessageDependencies,
  { message, fault }: { message: PubsubMessage; fault?: CourierError },
  context: MessageContext,
): Promise<Outcome> => {
  try {
    if (fault !== undefined) throw fault;
    return await work(dependencies, message, context);
  } catch (thrown) {
    // After a timeout or a disconnect, the error may not be caused by the message.
    if (context.signal.aborted) throw context.signal.reason;
    const error = asCourierError(thrown);
    if (!isPermanent(error, context.signal)) throw error;
    return giveUp(dependencies, message, error, context);
  }
};
