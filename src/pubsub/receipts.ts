import type { Log } from '../log.ts';
import { type PublishDependencies, publishTo } from './topic.ts';

interface ReceiptTopicDependencies extends PublishDependencies {
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

/** Publishes the facts of a receipt. Never rejects, because the file is delivered even if the message is not. */
export const publishReceipt = async (
  { topic, log, ...dependencies }: ReceiptTopicDependencies,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> => {
  try {
    const message = { data: Buffer.from(JSON.stringify(facts)).toString('base64'), attributes: attributesOf(facts) };
    const body = Buffer.from(JSON.stringify({ messages: [message] }));
    const { status } = await publishTo(topic, body, dependencies);
    if (status !== 200)
      log.error({ topic, status, fileId: facts.fileId }, 'the receipt topic did not accept a receipt');
  } catch (error) {
    log.error({ topic, error, fileId: facts.fileId }, 'a receipt could not be published');
  }
};
