import { z } from 'zod';
import type { Bearer } from '../bearer.ts';
import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';

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

/** The bearer token is that of the runtime identity. */
interface PublishDependencies extends Bearer {
  transport: GoogleTransport;
  /** The configuration of the subscriptions, by their names. */
  subscriptions: Readonly<Record<string, { topic?: string | undefined }>>;
}

const TOPIC = /^projects\/[^/\s]+\/topics\/[^/\s]+$/;
const subscriptionSchema = z.object({ topic: z.string().regex(TOPIC) });

/**
 * Makes a function that publishes messages to the topic from which another one came
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish). The topic of a subscription is taken from
 * the configuration, else asked of Pub/Sub, once. A request is retried if its response is lost, so a message may be
 * published twice, but none is lost.
 */
export const createPublishAgain = ({
  transport,
  subscriptions,
  ...bearer
}: PublishDependencies): ((origin: MessageOrigin, messages: readonly NewMessage[]) => Promise<void>) => {
  const found = new Map<string, string>();

  const ask = async (subscription: string, signal: AbortSignal): Promise<string> => {
    const { status, body } = await transport.send({
      operation: 'pubsub.subscriptions.get',
      method: 'GET',
      url: `https://pubsub.googleapis.com/v1/${subscription}`,
      bearer,
      retry: 'idempotent',
      signal,
    });
    const parsed = status === 200 ? subscriptionSchema.safeParse(JSON.parse(body.toString())) : undefined;
    if (parsed?.success) return parsed.data.topic;
    throw new CourierError('google-unavailable', {
      detail: `The topic of the subscription ${subscription} is unknown (${status}).`,
      remedy: `Set "topic" of the subscription in the configuration, or grant the courier's service account roles/pubsub.viewer on it.`,
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
    const { status } = await transport.send({
      operation: 'pubsub.topics.publish',
      method: 'POST',
      url: `https://pubsub.googleapis.com/v1/${topic}:publish`,
      bearer,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ messages: wire })),
      retry: 'idempotent',
      signal: origin.signal,
    });
    if (status === 200) return;
    throw new CourierError('google-unavailable', {
      detail: `The topic ${topic} did not accept the messages for the objects (${status}).`,
      remedy: `Check that the topic exists, and grant the courier's service account roles/pubsub.publisher on it.`,
    });
  };
};
