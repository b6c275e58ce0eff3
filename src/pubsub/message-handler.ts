import type { Caller, Receipt } from '../domain.ts';
import { asCourierError, type CourierError, isPermanent } from '../errors.ts';
import { readMessage } from './message-export.ts';
import type { PubsubMessage } from './message.ts';
import type { HttpDependencies } from '../http/dependencies.ts';

/** How a message came, and what it may do. */
export interface MessageContext {
  caller: Caller;
  /** The subscription, or the topic of an event; with the message's id it is a key where the message gives none. */
  origin: string;
  allowedDestinations: readonly string[];
  /** Objects of Cloud Storage that it may bring, beside those that the destination lists. */
  allowedSources: readonly string[];
  requestId: string;
  signal: AbortSignal;
  deadlineMs: number;
}

/** What became of a message that need not come again. */
export type Outcome =
  | { kind: 'delivered'; receipt: Receipt }
  | { kind: 'rotated' }
  | { kind: 'ignored' }
  | { kind: 'given-up'; reason: CourierError };

/** A message in the log; its data and attributes are not the log's. */
export const messageFields = ({ id, subscription, deliveryAttempt, orderingKey }: PubsubMessage, origin: string) => ({
  origin: subscription ?? origin,
  messageId: id,
  ...(deliveryAttempt === undefined ? {} : { deliveryAttempt }),
  ...(orderingKey === undefined ? {} : { orderingKey }),
});

/** Gives up a message that can never be delivered: it goes to the dead-letter topic first. @throws CourierError `google-unavailable` */
const giveUp = async (
  { deadLetter, log }: Pick<HttpDependencies, 'deadLetter' | 'log'>,
  message: PubsubMessage,
  reason: CourierError,
  { origin, requestId }: Pick<MessageContext, 'origin' | 'requestId'>,
): Promise<Outcome> => {
  const deadLettered = await deadLetter(message, reason);
  log.error(
    { pubsub: messageFields(message, origin), requestId, code: reason.code, error: reason, deadLettered },
    deadLettered ? 'message given up and published as a dead letter' : 'message given up; no dead-letter topic is set',
  );
  return { kind: 'given-up', reason };
};

export type MessageDependencies = Pick<
  HttpDependencies,
  'deadLetter' | 'deliver' | 'openObject' | 'secretRotated' | 'log'
>;

const work = async (
  dependencies: MessageDependencies,
  message: PubsubMessage,
  bringing: MessageContext,
): Promise<Outcome> => {
  const { origin, allowedSources, ...rest } = bringing;
  const told = { pubsub: messageFields(message, origin), requestId: bringing.requestId };
  const reading = await readMessage(message, dependencies, { ...rest, allowedSources });
  if (reading.kind === 'ignored') {
    dependencies.log[reading.isLoss === true ? 'warn' : 'info']({ ...told, why: reading.why }, 'message ignored');
    return { kind: 'ignored' };
  }
  if (reading.kind === 'rotated') {
    dependencies.secretRotated(reading.secret);
    dependencies.log.info({ ...told, secret: reading.secret }, 'a secret has changed');
    return reading;
  }
  const { source, idempotencyKey = source.identity ?? `${origin}/${message.id}`, options } = reading.opened;
  const receipt = await dependencies.deliver({ ...rest, options, source, idempotencyKey });
  dependencies.log.info({ ...told, fileId: receipt.id }, `message ${receipt.outcome}`);
  return { kind: 'delivered', receipt };
};

/**
 * Does what a message asks for.
 * @param fault what is known to be wrong with it already
 * @throws CourierError what makes it come again
 */
export const handleMessage = async (
  dependencies: MessageDependencies,
  { message, fault }: { message: PubsubMessage; fault?: CourierError },
  bringing: MessageContext,
): Promise<Outcome> => {
  try {
    if (fault !== undefined) throw fault;
    return await work(dependencies, message, bringing);
  } catch (thrown) {
    // When the time was up or the sender gone, whatever was thrown then says nothing of the message.
    if (bringing.signal.aborted) throw bringing.signal.reason;
    const error = asCourierError(thrown);
    if (!isPermanent(error, bringing.signal)) throw error;
    return giveUp(dependencies, message, error, bringing);
  }
};
