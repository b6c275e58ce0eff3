import type { Bearer } from '../bearer.ts';
import type { GoogleTransport } from '../google/transport.ts';
import type { Log } from '../log.ts';

/** The bearer token is that of the runtime identity. */
interface ReceiptTopicDependencies extends Bearer {
  transport: GoogleTransport;
  /** `projects/PROJECT/topics/NAME` */
  topic: string;
  log: Log;
}

/** The facts by which subscriptions filter (https://cloud.google.com/pubsub/docs/subscription-message-filter). */
const ATTRIBUTES = [
  'outcome',
  'destination',
  'caller',
  'name',
  'path',
  'mimeType',
  'fileId',
  'idempotencyKey',
  'query',
  'table',
];
/** https://cloud.google.com/pubsub/quotas#resource_limits; a longer value is left out rather than changed. */
const MAX_VALUE_BYTES = 1_024;

const attributesOf = (facts: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    ATTRIBUTES.flatMap((name) => {
      const value = facts[name];
      return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_VALUE_BYTES
        ? [[name, value]]
        : [];
    }),
  );

/** Publishes the facts of a receipt. Never rejects: the file is delivered, whatever becomes of the message. */
export const publishReceipt = async (
  { transport, token, rejected, topic, log }: ReceiptTopicDependencies,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> => {
  try {
    const message = { data: Buffer.from(JSON.stringify(facts)).toString('base64'), attributes: attributesOf(facts) };
    const { status } = await transport.send({
      operation: 'pubsub.topics.publish',
      method: 'POST',
      url: `https://pubsub.googleapis.com/v1/${topic}:publish`,
      bearer: { token, rejected },
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ messages: [message] })),
      retry: 'idempotent',
    });
    if (status !== 200) log.error({ topic, status, fileId: facts.fileId }, 'the receipt topic did not take a receipt');
  } catch (error) {
    log.error({ topic, error, fileId: facts.fileId }, 'a receipt could not be published');
  }
};
