import { type Caller, callerName } from '../domain.ts';
import { asCourierError, CourierError } from '../errors.ts';
import type { Spool } from '../exports/bytes/spool.ts';
import { holderOf, type Slot } from '../http/capacity.ts';
import type { Capacity, HttpDependencies } from '../http/dependencies.ts';
import { type DocumentLease, MAX_PUSH_BYTES } from '../http/document-memory.ts';
import { problemResponse } from '../http/problem.ts';
import { type JsonBody, jsonBody } from '../http/request/json-body.ts';
import { type CourierContext, type RequestTime, withinRequest } from '../http/request-context.ts';
import { createPushReader, UNWRAPPED_PUSH, unwrapPieces, type WrappedMessage } from './message.ts';
import { handleMessage, type MessageDependencies, messageFields } from './message-handler.ts';

/**
 * Pub/Sub redelivers a push that is not acknowledged within 600 seconds (pubsub/docs/push), even if the first delivery is
 * still running. A longer upload stops a minute earlier, at a chunk boundary, and resumes there at the next delivery.
 */
export const PUSH_SECONDS = 540;

/** Retry-After for errors of the set-up. Pub/Sub follows its own retry policy anyway. */
const SETUP_RETRY_SECONDS = 60;

/** What to do about a push over the limit, which is above that of Pub/Sub. */
const TOO_LARGE = 'Publish a message of at most 10 MB, or one that names an object of Cloud Storage with "gcs".';

interface Received {
  push: WrappedMessage;
  /** Decodes the data of the message, which may be megabytes, piece by piece. */
  unwrap(): ReturnType<typeof unwrapPieces>;
}

type PushDependencies = MessageDependencies & Pick<HttpDependencies, 'mayPush' | 'now' | 'requestSeconds'>;

/**
 * Reads a push. An unwrapped push may have any data, so a parse error gets the same detail.
 * @throws CourierError `request-invalid`, and the errors of reading
 */
const receive = async (body: JsonBody, lease: DocumentLease): Promise<Received> => {
  const reader = createPushReader();
  let bytes: Spool;
  try {
    bytes = await body.collect(reader.scanner, lease);
  } catch (cause) {
    if (!(cause instanceof CourierError) || cause.code !== 'request-invalid') throw cause;
    throw new CourierError('request-invalid', { detail: UNWRAPPED_PUSH, cause });
  }
  const { push, data, check } = reader.finish(bytes);
  return {
    push,
    async unwrap() {
      const unwrapped = await unwrapPieces(push, data, check);
      bytes.free();
      return unwrapped;
    },
  };
};

/** Answers 503 for every error: Pub/Sub redelivers after any response that is not a success. */
const redeliver = (context: CourierContext, error: CourierError): Response => {
  context.set('failure', error);
  const headers = error.retryAfterSeconds === undefined ? { 'Retry-After': String(SETUP_RETRY_SECONDS) } : {};
  return problemResponse(error, context.var.trace.requestId, { status: 503, headers });
};

const forbidden = (caller: Caller): CourierError =>
  new CourierError('caller-not-allowed', {
    detail: `You are ${callerName(caller)}, which is not the service account of this subscription.`,
    remedy: 'Ask the operator to set this account as "serviceAccount" of the subscription under "pubsub".',
  });

const handle = async (
  dependencies: PushDependencies,
  context: CourierContext,
  { body, time, slot, lease }: { body: JsonBody; time: RequestTime; slot: Slot; lease: DocumentLease },
): Promise<Response> => {
  const { caller, trace } = context.var;
  // A malformed push, or one from another account, is rejected like any other request.
  const received = await receive(body, lease);
  const origin = received.push.subscription ?? '';
  const grant = dependencies.mayPush(caller, origin);
  if (grant === undefined) throw forbidden(caller);
  slot.move(holderOf.subscription(origin));
  lease.move(holderOf.subscription(origin));
  const unwrapped = await received.unwrap();
  const messageContext = {
    ...time,
    caller,
    origin,
    allowedDestinations: grant.destinations,
    allowedSources: grant.sources,
    keyFrom: grant.keyFrom,
    transferRuns: grant.transferRuns,
    requestId: trace.requestId,
  };
  try {
    await handleMessage(dependencies, unwrapped, messageContext);
    return context.body(null, 204);
  } catch (thrown) {
    const error = asCourierError(thrown);
    const { requestId } = trace;
    dependencies.log.warn(
      { pubsub: messageFields(unwrapped.message, origin), requestId, code: error.code },
      'message will be redelivered',
    );
    return redeliver(context, error);
  }
};

/** `POST /v1/pubsub`: 204 if the message is delivered or can never be delivered, 503 if Pub/Sub must redeliver it. */
export const createPubsubHandler =
  (dependencies: PushDependencies, { slots, memory, minThroughput }: Capacity) =>
  (context: CourierContext): Promise<Response> => {
    const requestSeconds = Math.min(dependencies.requestSeconds, PUSH_SECONDS);
    return withinRequest(context, { ...dependencies, requestSeconds }, async (time) => {
      const body = jsonBody(context, MAX_PUSH_BYTES, { otherwise: UNWRAPPED_PUSH, remedy: TOO_LARGE, minThroughput });
      const pusher = holderOf.pusher(context.var.caller);
      try {
        return await slots.hold(pusher, (slot) =>
          memory.hold(pusher, body.size, (lease) => handle(dependencies, context, { body, time, slot, lease })),
        );
      } catch (error) {
        if (error instanceof CourierError && error.code === 'busy') return redeliver(context, error);
        throw error;
      }
    });
  };
