import { z } from 'zod';
import { CourierError } from '../errors.ts';
import { Base64Check, decoded } from '../exports/bytes/base64.ts';
import { ByteWriter } from '../exports/bytes/byte-writer.ts';
import type { Bytes } from '../exports/bytes/spool.ts';
import { textEvents, transcode } from '../exports/bytes/transcode.ts';
import { JsonOutline } from '../exports/json/outline.ts';
import { JsonScanner } from '../exports/json/scanner.ts';
import { parseInput } from '../http/request/options.ts';
import { turn } from '../turns.ts';

/** A Pub/Sub message from a push or a CloudEvent. */
export interface PubsubMessage {
  id: string;
  data: Buffer;
  attributes: Readonly<Record<string, string>>;
  /** `projects/PROJECT/subscriptions/NAME`; unknown for CloudEvents. */
  subscription: string | undefined;
  /** Counted by Pub/Sub when a dead-letter policy is set. */
  deliveryAttempt: number | undefined;
  orderingKey: string | undefined;
  /** RFC 3339; Pub/Sub sets it when the message is published. */
  publishTime?: string | undefined;
}

/** A message whose data is still encoded. This is enough to identify its subscription. */
export interface WrappedMessage extends Omit<PubsubMessage, 'data'> {
  base64: string;
}

const messageSchema = z.object({
  data: z.string().nullish(),
  attributes: z.record(z.string(), z.string()).nullish(),
  messageId: z.string().min(1).optional(),
  message_id: z.string().min(1).optional(),
  orderingKey: z.string().optional(),
  publishTime: z.string().optional(),
});

/** https://cloud.google.com/pubsub/docs/push#receive_push: Google may add members, so unknown ones are ignored. */
const pushSchema = z.object({
  message: messageSchema,
  subscription: z.string().min(1),
  deliveryAttempt: z.int().optional(),
});

const asMessage = (
  message: z.infer<typeof messageSchema>,
  subscription: string | undefined,
  deliveryAttempt: number | undefined,
  place = 'message',
): WrappedMessage => {
  const id = message.messageId ?? message.message_id;
  if (id === undefined) throw new CourierError('request-invalid', { detail: `${place}.messageId is missing.` });
  return {
    id,
    base64: message.data ?? '',
    attributes: message.attributes ?? {},
    subscription,
    deliveryAttempt,
    orderingKey: message.orderingKey || undefined,
    publishTime: message.publishTime,
  };
};

/** The error detail for an unwrapped push, whose body is only the data of the message. */
export const UNWRAPPED_PUSH =
  'The body is not a wrapped Pub/Sub push. Create the subscription without "--push-no-wrapper".';

/** Reads the body of a wrapped push. @throws CourierError `request-invalid` */
const readPush = (body: unknown): WrappedMessage => {
  const parsed = pushSchema.safeParse(body);
  if (parsed.success) return asMessage(parsed.data.message, parsed.data.subscription, parsed.data.deliveryAttempt);
  const has = (member: string): boolean => typeof body === 'object' && body !== null && member in body;
  if (has('specversion') || (has('bucket') && has('generation'))) {
    throw new CourierError('request-invalid', {
      detail: 'The body is a CloudEvent, not a Pub/Sub push.',
      remedy: 'Let Eventarc call the function courierEvent, or create a push subscription for this route.',
    });
  }
  if (has('source')) {
    throw new CourierError('request-invalid', {
      detail: UNWRAPPED_PUSH,
      remedy:
        'Let Pub/Sub wrap its messages: create the subscription without "--push-no-wrapper". An export document of your own goes to POST /v1/exports.',
    });
  }
  if (!has('message')) throw new CourierError('request-invalid', { detail: UNWRAPPED_PUSH });
  const { message, subscription, deliveryAttempt } = parseInput(pushSchema, body);
  return asMessage(message, subscription, deliveryAttempt);
};

/** A `google.cloud.pubsub.topic.v1.messagePublished` event. Only Eventarc sets the subscription. */
const eventSchema = z.object({ data: z.object({ message: messageSchema, subscription: z.string().optional() }) });

/** @throws CourierError `request-invalid` */
export const readPublishedEvent = (given: unknown): WrappedMessage => {
  const { data } = parseInput(eventSchema, { data: given });
  return asMessage(data.message, data.subscription, undefined, 'data.message');
};

/** 100 attributes of 1,280 bytes (pubsub/quotas#resource_limits), with every character escaped. */
const MAX_OUTLINE_BYTES = 1_048_576;
/** Ten times the limit of Pub/Sub. */
const MAX_ATTRIBUTES = 1_000;

const hasTooManyAttributes = (body: unknown): boolean => {
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

/** Reads the body of a push while it arrives. Everything except the data is small. */
export const createPushReader = (): { scanner: JsonScanner; finish(bytes: Bytes): ReadPush } => {
  let check = new Base64Check({ allowUrlAlphabet: true });
  const outline = new JsonOutline({
    objects: ['message', 'message.attributes'],
    maxBytes: MAX_OUTLINE_BYTES,
    // Google writes this document, and may add members.
    lenient: true,
    follow(path, type) {
      if (path !== 'message.data' || type !== 'text') return undefined;
      check = new Base64Check({ allowUrlAlphabet: true });
      return check;
    },
  });
  const scanner = new JsonScanner(outline, { lenient: true });
  outline.attach(scanner);
  return {
    scanner,
    finish(bytes) {
      const body: unknown = JSON.parse(outline.text());
      if (hasTooManyAttributes(body)) {
        throw new CourierError('request-invalid', {
          detail: `message.attributes has more than ${MAX_ATTRIBUTES} attributes.`,
        });
      }
      const push = readPush(body);
      const range = outline.found.findLast(({ path }) => path === 'message.data');
      return { push, check, data: range === undefined ? NO_DATA : transcode(bytes, range, textEvents) };
    },
  };
};

/**
 * Decodes the data of a message. If it is not base64, the message contains the text as it is, and the fault is returned
 * too. The URL-safe alphabet is also accepted, as in protobuf's JSON parsers.
 */
export const unwrapPieces = async (
  { base64: _, ...rest }: WrappedMessage,
  pieces: AsyncIterable<Uint8Array>,
  check: Base64Check,
): Promise<{ message: PubsubMessage; fault?: CourierError }> => {
  const isValid = check.isValid;
  const out = new ByteWriter(Math.max(1, check.size));
  for await (const piece of isValid ? decoded(pieces) : pieces) out.bytes(piece, 0, piece.byteLength);
  const message = { ...rest, data: out.take() };
  if (isValid) return { message };
  return { message, fault: new CourierError('request-invalid', { detail: 'message.data is not base64.' }) };
};

const TEXT_PIECE = 65_536;

/** Decodes a message whose data is a string in memory. */
export const unwrap = async (wrapped: WrappedMessage): Promise<{ message: PubsubMessage; fault?: CourierError }> => {
  const { base64 } = wrapped;
  const check = new Base64Check({ allowUrlAlphabet: true });
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < base64.length; at += TEXT_PIECE) {
      if (at > 0) await turn();
      yield Buffer.from(base64.slice(at, at + TEXT_PIECE));
    }
  }
  for await (const piece of pieces()) check.plain(piece, 0, piece.byteLength);
  return unwrapPieces(wrapped, pieces(), check);
};
