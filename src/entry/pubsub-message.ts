import { z } from 'zod';
import { CourierError } from '../errors.ts';

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

/** Standard base64, as protobuf's JSON writes `bytes`; the URL alphabet is taken too, as protobuf's parsers do. */
const base64 = z
  .string()
  .regex(/^[A-Za-z0-9+/_-]*={0,2}$/, 'is not base64')
  .refine((text) => text.replace(/=+$/, '').length % 4 !== 1, 'is not base64')
  .transform((text) => Buffer.from(text, 'base64'));

const messageSchema = z.object({
  data: base64.default(Buffer.alloc(0)),
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
): PubsubMessage => {
  const id = message.messageId ?? message.message_id;
  if (id === undefined) throw new CourierError('request-invalid', { detail: 'message.messageId: is missing.' });
  return {
    id,
    data: message.data,
    attributes: message.attributes ?? {},
    subscription,
    deliveryAttempt,
    orderingKey: message.orderingKey,
  };
};

const UNWRAPPED = 'this is not a wrapped Pub/Sub push; create the subscription without "--push-no-wrapper".';

/** Reads the body of a wrapped push. @throws CourierError `request-invalid` */
export const readPush = (body: unknown): PubsubMessage => {
  const parsed = pushSchema.safeParse(body);
  if (parsed.success) return asMessage(parsed.data.message, parsed.data.subscription, parsed.data.deliveryAttempt);
  const wrapped = typeof body === 'object' && body !== null && 'message' in body;
  throw new CourierError('request-invalid', {
    detail: wrapped ? `${faultIn(parsed.error)}.` : `the body: ${UNWRAPPED}`,
  });
};

/** The data of a `google.cloud.pubsub.topic.v1.messagePublished` event; the subscription is there only from Eventarc. */
const eventSchema = z.object({ message: messageSchema, subscription: z.string().optional() });

export const readPublishedEvent = (data: unknown): PubsubMessage => {
  const parsed = eventSchema.safeParse(data);
  if (!parsed.success) throw new CourierError('request-invalid', { detail: `data.${faultIn(parsed.error)}.` });
  return asMessage(parsed.data.message, parsed.data.subscription, undefined);
};
