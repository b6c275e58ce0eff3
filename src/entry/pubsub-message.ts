import { z } from 'zod';
import { CourierError } from '../errors.ts';
import { decodeBase64 } from '../source/base64.ts';

/** A Pub/Sub message, however it came. */
export interface PubsubMessage {
  id: string;
  data: Buffer;
  attributes: Readonly<Record<string, string>>;
  /** `projects/PROJECT/subscriptions/NAME`; unknown for CloudEvents. */
  subscription: string | undefined;
  /** Counted by Pub/Sub when a dead-letter policy is set. */
  deliveryAttempt: number | undefined;
  orderingKey: string | undefined;
}

/** A message as it came, its data still in the text that a wire gives them: enough to know whose it is. */
export interface WrappedMessage extends Omit<PubsubMessage, 'data'> {
  base64: string;
}

const messageSchema = z.object({
  data: z.string().nullish(),
  attributes: z.record(z.string(), z.string()).nullish(),
  messageId: z.string().min(1).optional(),
  message_id: z.string().min(1).optional(),
  orderingKey: z.string().optional(),
});

/** https://cloud.google.com/pubsub/docs/push#receive_push: Google may add members, so unknown ones are passed over. */
const pushSchema = z.object({
  message: messageSchema,
  subscription: z.string().min(1),
  deliveryAttempt: z.int().optional(),
});

const faultIn = (error: z.ZodError): string => {
  const [issue] = error.issues;
  return `${issue?.path.map(String).join('.') || 'the body'}: ${issue?.message ?? 'is not as expected'}`;
};

const asMessage = (
  message: z.infer<typeof messageSchema>,
  subscription: string | undefined,
  deliveryAttempt: number | undefined,
): WrappedMessage => {
  const id = message.messageId ?? message.message_id;
  if (id === undefined) throw new CourierError('request-invalid', { detail: 'message.messageId: is missing.' });
  return {
    id,
    base64: message.data ?? '',
    attributes: message.attributes ?? {},
    subscription,
    deliveryAttempt,
    orderingKey: message.orderingKey || undefined,
  };
};

/** For a body that is the message's data alone, of whatever kind those are. */
export const UNWRAPPED =
  'the body: this is not a wrapped Pub/Sub push; create the subscription without "--push-no-wrapper".';

/** Reads the body of a wrapped push. @throws CourierError `request-invalid` */
export const readPush = (body: unknown): WrappedMessage => {
  const parsed = pushSchema.safeParse(body);
  if (parsed.success) return asMessage(parsed.data.message, parsed.data.subscription, parsed.data.deliveryAttempt);
  const has = (member: string): boolean => typeof body === 'object' && body !== null && member in body;
  if (has('specversion') || (has('bucket') && has('generation'))) {
    throw new CourierError('request-invalid', {
      detail: 'the body: this is a CloudEvent, not a Pub/Sub push.',
      remedy: 'Let Eventarc call the function courierEvent, or create a push subscription for this route.',
    });
  }
  if (has('source')) {
    throw new CourierError('request-invalid', {
      detail: UNWRAPPED,
      remedy:
        'Let Pub/Sub wrap its messages: create the subscription without "--push-no-wrapper". An export document of your own goes to POST /v1/exports.',
    });
  }
  const wrapped = has('message');
  throw new CourierError('request-invalid', {
    detail: wrapped ? `${faultIn(parsed.error)}.` : UNWRAPPED,
  });
};

/** The data of a `google.cloud.pubsub.topic.v1.messagePublished` event; the subscription is there only from Eventarc. */
const eventSchema = z.object({ message: messageSchema, subscription: z.string().optional() });

/** @throws CourierError `request-invalid` */
export const readPublishedEvent = (data: unknown): WrappedMessage => {
  const parsed = eventSchema.safeParse(data);
  if (!parsed.success) throw new CourierError('request-invalid', { detail: `data.${faultIn(parsed.error)}.` });
  return asMessage(parsed.data.message, parsed.data.subscription, undefined);
};

/** The message with its data, when they are base64; else with the text that came in their place, and what is wrong. */
export const unwrap = ({ base64, ...rest }: WrappedMessage): { message: PubsubMessage; fault?: CourierError } => {
  const data = decodeBase64(base64);
  if (data !== undefined) return { message: { ...rest, data } };
  const fault = new CourierError('request-invalid', { detail: 'message.data: is not base64.' });
  return { message: { ...rest, data: Buffer.from(base64) }, fault };
};
