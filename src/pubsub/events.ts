import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { asCourierError, CourierError } from '../errors.ts';
import { createSlots, holderOf } from '../http/capacity.ts';
import type { HttpDependencies } from '../http/dependencies.ts';
import { withoutMark } from '../text/unicode/byte-order-mark.ts';
import { type PubsubMessage, readPublishedEvent, unwrap } from './message.ts';
import { handleMessage, type MessageContext, type MessageDependencies, messageFields } from './message-handler.ts';
import { PUSH_SECONDS } from './push.ts';

/** A CloudEvent (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md), as functions-framework passes it in both content modes. */
const eventSchema = z.object({
  type: z.string(),
  source: z.string(),
  id: z.string(),
  data: z.unknown().optional(),
  /** In structured mode, for data that is not JSON. */
  data_base64: z.unknown().optional(),
});
type CloudEvent = z.output<typeof eventSchema>;

const PUBLISHED = 'google.cloud.pubsub.topic.v1.messagePublished';
const FINALIZED = 'google.cloud.storage.object.v1.finalized';

/** https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/storage/v1/data.proto */
const objectSchema = z.object({
  bucket: z.string(),
  name: z.string(),
  generation: z.union([z.string(), z.int().transform(String)]).optional(),
});

const invalid = (detail: string): CourierError => new CourierError('request-invalid', { detail });

const dataOf = ({ data, data_base64: base64 }: CloudEvent): unknown => {
  if (data !== undefined || typeof base64 !== 'string') return data;
  try {
    return JSON.parse(withoutMark(Buffer.from(base64, 'base64').toString()));
  } catch (cause) {
    throw new CourierError('request-invalid', { detail: 'data_base64 is not JSON.', cause });
  }
};

/** Converts an event to a message, so that events and pushes are handled alike, including dead letters. */
const asMessage = async (event: CloudEvent): Promise<{ message: PubsubMessage; fault?: CourierError }> => {
  const bare = { id: event.id, subscription: undefined, deliveryAttempt: undefined, orderingKey: undefined };
  const whole = (): PubsubMessage => ({
    ...bare,
    data: Buffer.from(JSON.stringify(event.data ?? null)),
    attributes: {},
  });
  try {
    const data = dataOf(event);
    if (event.type === PUBLISHED) return await unwrap(readPublishedEvent(data));
    if (event.type !== FINALIZED) throw invalid(`Events of type ${JSON.stringify(event.type)} are not supported.`);
    const parsed = objectSchema.safeParse(data);
    if (!parsed.success) throw invalid('data is not an object of Cloud Storage.');
    const { bucket, name, generation } = parsed.data;
    const attributes = {
      eventType: 'OBJECT_FINALIZE',
      bucketId: bucket,
      objectId: name,
      ...(generation === undefined ? {} : { objectGeneration: generation }),
    };
    return { message: { ...bare, data: Buffer.alloc(0), attributes } };
  } catch (error) {
    return { message: whole(), fault: asCourierError(error) };
  }
};

/** `projects/P/topics/T` of `//pubsub.googleapis.com/projects/P/topics/T`. */
const originOf = ({ source }: CloudEvent): string => source.replace(/^\/\/[^/]+\//, '');

const TOPIC = /^projects\/[^/\s]+\/topics\/[^/\s]+$/;

/** The error that functions-framework logs and sends as the response: the code and its title, without a cause. */
const retryable = ({ code, title }: CourierError): Error => new Error(`${code}: ${title}`);

const withinTime = async <Result>(
  { now, requestSeconds }: Pick<HttpDependencies, 'now' | 'requestSeconds'>,
  work: (time: Pick<MessageContext, 'signal' | 'deadlineMs'>) => Promise<Result>,
): Promise<Result> => {
  const limitMs = Math.min(requestSeconds, PUSH_SECONDS) * 1000;
  const controller = new AbortController();
  const timeUp = new CourierError('drive-unavailable', { detail: 'The time limit of the event is exceeded.' });
  const timer = setTimeout(() => controller.abort(timeUp), limitMs);
  try {
    return await work({ signal: controller.signal, deadlineMs: now() + limitMs });
  } finally {
    clearTimeout(timer);
  }
};

/** functions-framework passes on anything that is posted to it. */
const readEvent = (event: unknown): CloudEvent => {
  const parsed = eventSchema.safeParse(event);
  return parsed.success ? parsed.data : { type: '', source: '', id: '', data: event, data_base64: undefined };
};

type EventDependencies = MessageDependencies &
  Pick<HttpDependencies, 'eventGrant' | 'stopping' | 'concurrentUploads' | 'callerLimits' | 'now' | 'requestSeconds'>;

/**
 * The handler of `courierEvent`. The platform has authenticated the sender of an event. A message that can never be
 * delivered is dead-lettered and counts as handled; it throws if the event is to be redelivered.
 */
export const createEventHandler = (dependencies: EventDependencies): ((event: unknown) => Promise<void>) => {
  const slots = createSlots(dependencies.concurrentUploads, dependencies.now);
  // functions-framework treats a function with two parameters as one with a callback.
  return async (input) => {
    const event = readEvent(input);
    const unwrapped = await asMessage(event);
    const topic = originOf(event);
    const origin = unwrapped.message.subscription ?? topic;
    const requestId = randomUUID();
    const caller = { sub: `event:${topic}` };
    const { destinations: allowedDestinations, sources: allowedSources } = dependencies.eventGrant;
    try {
      if (dependencies.stopping()) throw new CourierError('shutting-down');
      const handle = () =>
        withinTime(dependencies, (time) =>
          handleMessage(dependencies, unwrapped, {
            ...time,
            caller,
            origin,
            ...(TOPIC.test(topic) ? { topic } : {}),
            allowedDestinations,
            allowedSources,
            requestId,
          }),
        );
      const limits = await dependencies.callerLimits?.();
      await slots.hold(holderOf.subscription(origin), () =>
        limits === undefined ? handle() : limits.hold(caller, true, handle),
      );
    } catch (thrown) {
      const error = asCourierError(thrown);
      dependencies.log.warn(
        { pubsub: messageFields(unwrapped.message, origin), requestId, code: error.code, error },
        'event will be redelivered',
      );
      throw retryable(error);
    }
  };
};
