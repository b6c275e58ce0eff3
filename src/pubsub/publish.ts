import { z } from 'zod';
import { CourierError } from '../errors.ts';
import { PUBSUB_URL, type PublishDependencies, publishTo, TOPIC_REMEDY } from './topic.ts';

export interface NewMessage {
  data: Buffer;
  attributes: Readonly<Record<string, string>>;
  orderingKey: string | undefined;
}

/** Where a message came from. */
export interface MessageOrigin {
  /** `projects/PROJECT/subscriptions/NAME`, or the topic of an event. */
  origin: string;
  /** Known for events alone: a push does not name its topic. */
  topic?: string | undefined;
  signal: AbortSignal;
}

interface PublishAgainDependencies extends PublishDependencies {
  /** The configuration of the subscriptions, by their names. */
  subscriptions: Readonly<Record<string, { topic?: string | undefined }>>;
}

const TOPIC = /^projects\/[^/\s]+\/topics\/[^/\s]+$/;
const subscriptionSchema = z.object({ topic: z.string().regex(TOPIC) });

/**
 * Creates a function that publishes messages to the topic of a received message. The topic of a subscription is taken
 * from the configuration, or else read from Pub/Sub, once.
 */
export const createPublishAgain = ({
  subscriptions,
  ...dependencies
}: PublishAgainDependencies): ((origin: MessageOrigin, messages: readonly NewMessage[]) => Promise<void>) => {
  const { transport, token, rejected } = dependencies;
  const found = new Map<string, string>();

  const ask = async (subscription: string, signal: AbortSignal): Promise<string> => {
    const { status, body } = await transport.send({
      operation: 'pubsub.subscriptions.get',
      method: 'GET',
      url: `${PUBSUB_URL}/${subscription}`,
      bearer: { token, rejected },
      retry: 'idempotent',
      signal,
    });
    const parsed = status === 200 ? subscriptionSchema.safeParse(JSON.parse(body.toString())) : undefined;
    if (parsed?.success) return parsed.data.topic;
    throw new CourierError('google-unavailable', {
      detail: `The topic of the subscription ${subscription} is unknown (${status}).`,
      remedy: `Set "topic" of the subscription in the configuration, or grant {courier} roles/pubsub.viewer on ${subscription}.`,
      facts: { courier: dependencies.account?.() },
    });
  };
  const topicOf = async ({ origin, topic, signal }: MessageOrigin): Promise<string> => {
    const known =
      topic ?? subscriptions[origin]?.topic ?? found.get(origin) ?? (TOPIC.test(origin) ? origin : undefined);
    if (known !== undefined) return known;
    const asked = await ask(origin, signal);
    found.set(origin, asked);
    return asked;
  };

  return async (origin, messages) => {
    const topic = await topicOf(origin);
    const wire = messages.map(({ data, attributes, orderingKey }) => ({
      data: data.toString('base64'),
      attributes,
      orderingKey,
    }));
    const body = Buffer.from(JSON.stringify({ messages: wire }));
    const { status } = await publishTo(topic, body, dependencies, origin.signal);
    if (status === 200) return;
    throw new CourierError('google-unavailable', {
      detail: `The topic ${topic} did not accept the messages for the objects (${status}).`,
      remedy: TOPIC_REMEDY,
      facts: { topic, courier: dependencies.account?.() },
    });
  };
};
