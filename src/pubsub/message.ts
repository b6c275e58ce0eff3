import { z } from 'zod';
import { CourierError } from '../errors.ts';
import { Base64Check, Base64Follower, decoded } from '../exports/bytes/base64.ts';
import { ByteWriter } from '../exports/bytes/byte-writer.ts';
import { JsonOutline } from '../exports/json/outline.ts';
import { JsonScanner } from '../exports/json/scanner.ts';
import type { Bytes } from '../exports/bytes/spool.ts';
import { textEvents, transcode } from '../exports/bytes/transcode.ts';
import { turn } from '../turns.ts';

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
const readPush = (body: unknown): WrappedMessage => {
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

/** 100 attributes of 1,280 bytes (pubsub/quotas#resource_limits), each character of them escaped. */
const MAX_OUTLINE_BYTES = 1_048_576;
/** Ten times what Pub/Sub takes. */
const MAX_ATTRIBUTES = 1_000;

const isCrowded = (body: unknown): boolean => {
  const attributes = (body as { message?: { attributes?: unknown } } | null)?.message?.attributes;
  return typeof attributes === 'object' && attributes !== null && Object.keys(attributes).length > MAX_ATTRIBUTES;
};

interface ReadPush {
  push: WrappedMessage;
  /** The text of `message.data`, in pieces. */
  data: AsyncIterable<Uint8Array>;
  check: Base64Check;
}

const NO_DATA: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** Reads the body of a push while it comes; what is in it but its data is small. */
export const createPushReader = (): { scanner: JsonScanner; finish(bytes: Bytes): ReadPush } => {
  let check = new Base64Follower({ takesUrlDigits: true });
  const outline = new JsonOutline({
    objects: ['message', 'message.attributes'],
    maxBytes: MAX_OUTLINE_BYTES,
    // Google writes it, and may add members.
    lenient: true,
    follow(path, type) {
      if (path !== 'message.data' || type !== 'text') return undefined;
      check = new Base64Follower({ takesUrlDigits: true });
      return check;
    },
  });
  const scanner = new JsonScanner(outline, { lenient: true });
  outline.follows(scanner);
  return {
    scanner,
    finish(bytes) {
      const body: unknown = JSON.parse(outline.text());
      if (isCrowded(body)) {
        throw new CourierError('request-invalid', { detail: `message.attributes: has more than ${MAX_ATTRIBUTES}.` });
      }
      const push = readPush(body);
      const range = outline.found.findLast(({ path }) => path === 'message.data');
      return { push, check, data: range === undefined ? NO_DATA : transcode(bytes, range, textEvents) };
    },
  };
};

/**
 * The message with its data, when they are base64; else with the text that came in their place, and what is wrong.
 * The alphabet for URLs is taken too, as protobuf's parsers do.
 */
export const unwrapPieces = async (
  { base64: _, ...rest }: WrappedMessage,
  pieces: AsyncIterable<Uint8Array>,
  check: Base64Check,
): Promise<{ message: PubsubMessage; fault?: CourierError }> => {
  const isRight = check.isRight;
  const out = new ByteWriter(Math.max(1, check.size));
  for await (const piece of isRight ? decoded(pieces) : pieces) out.bytes(piece, 0, piece.byteLength);
  const message = { ...rest, data: out.take() };
  if (isRight) return { message };
  return { message, fault: new CourierError('request-invalid', { detail: 'message.data: is not base64.' }) };
};

const TEXT_PIECE = 65_536;

/** A message whose data are a text already. */
export const unwrap = async (wrapped: WrappedMessage): Promise<{ message: PubsubMessage; fault?: CourierError }> => {
  const { base64 } = wrapped;
  const check = new Base64Check({ takesUrlDigits: true });
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < base64.length; at += TEXT_PIECE) {
      if (at > 0) await turn();
      yield Buffer.from(base64.slice(at, at + TEXT_PIECE));
    }
  }
  for await (const piece of pieces()) check.add(piece, 0, piece.byteLength);
  return unwrapPieces(wrapped, pieces(), check);
};
