import { type Caller, callerName } from '../domain.ts';
import { asCourierError, CourierError } from '../errors.ts';
import type { Spool } from '../exports/bytes/spool.ts';
import { type DocumentLease, MAX_PUSH_BYTES } from '../http/capacity/document-memory.ts';
import type { CourierContext } from '../http/environment.ts';
import { type JsonBody, jsonBody } from '../http/request/json-body.ts';
import { handleMessage, messageFields } from './message-handler.ts';
import { problemHeaders, problemOf } from '../http/problem.ts';
import { createPushReader, UNWRAPPED, unwrapPieces, type WrappedMessage } from './message.ts';
import { type RequestTime, withinRequest } from '../http/request/request-signal.ts';
import type { Capacity } from '../http/capacity/room.ts';
import type { Services } from '../http/services.ts';
import { holderOf, type Slot } from '../http/capacity/slots.ts';

/**
 * A push is acknowledged within 600 seconds at most (pubsub/docs/push), or it comes again while the first is still at work.
 * What would take longer stops a minute before, at a chunk border, and goes on from there when it comes again.
 */
export const PUSH_SECONDS = 540;

/** Seconds after which a set-up fault may have been mended; Pub/Sub keeps its own pace. */
const SETUP_RETRY_SECONDS = 60;

interface Received {
  push: WrappedMessage;
  /** Makes the message of it; its data, which may be megabytes, are decoded bit by bit. */
  unwrap(): ReturnType<typeof unwrapPieces>;
}

/** The data of an unwrapped push may be anything. @throws CourierError `request-invalid`, and those of reading */
const receive = async (body: JsonBody, lease: DocumentLease): Promise<Received> => {
  const reader = createPushReader();
  let bytes: Spool;
  try {
    bytes = await body.collect(reader.scanner, lease);
  } catch (cause) {
    if (!(cause instanceof CourierError) || cause.code !== 'request-invalid') throw cause;
    throw new CourierError('request-invalid', { detail: UNWRAPPED, cause });
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

/** "Come again": 503 whatever the error's own status is, since Pub/Sub takes no answer but success for final. */
const comeAgain = (context: CourierContext, error: CourierError): Response => {
  context.set('failure', error);
  return new Response(JSON.stringify({ ...problemOf(error, context.var.trace.requestId), status: 503 }), {
    status: 503,
    headers: { 'Retry-After': String(SETUP_RETRY_SECONDS), ...problemHeaders(error) },
  });
};

const forbidden = (caller: Caller): CourierError =>
  new CourierError('caller-not-allowed', {
    detail: `You are ${callerName(caller)}, which is not the service account of this subscription.`,
    remedy: 'Ask the operator to set this account as "serviceAccount" of the subscription under "pubsub".',
  });

const handle = async (
  services: Services,
  context: CourierContext,
  { body, time, slot, lease }: { body: JsonBody; time: RequestTime; slot: Slot; lease: DocumentLease },
): Promise<Response> => {
  const { caller, trace } = context.var;
  // What is no push, or not from this subscription's own account, is refused as any other request would be.
  const received = await receive(body, lease);
  const origin = received.push.subscription ?? '';
  const grant = services.mayPush(caller, origin);
  if (grant === undefined) throw forbidden(caller);
  slot.move(holderOf.subscription(origin));
  lease.move(holderOf.subscription(origin));
  const unwrapped = await received.unwrap();
  const bringing = {
    ...time,
    caller,
    origin,
    allowedDestinations: grant.destinations,
    allowedSources: grant.sources,
    requestId: trace.requestId,
  };
  try {
    await handleMessage(services, unwrapped, bringing);
    return context.body(null, 204);
  } catch (thrown) {
    const error = asCourierError(thrown);
    const { requestId } = trace;
    services.log.warn(
      { pubsub: messageFields(unwrapped.message, origin), requestId, code: error.code },
      'message to come again',
    );
    return comeAgain(context, error);
  }
};

/** `POST /v1/pubsub`: 204 for done or given up, 503 for "come again". */
export const createPubsubHandler =
  (services: Services, { slots, memory, minThroughput }: Capacity) =>
  (context: CourierContext): Promise<Response> => {
    const requestSeconds = Math.min(services.requestSeconds, PUSH_SECONDS);
    return withinRequest(context, { ...services, requestSeconds }, async (time) => {
      const body = jsonBody(context, MAX_PUSH_BYTES, { otherwise: UNWRAPPED, minThroughput });
      const pusher = holderOf.pusher(context.var.caller);
      try {
        return await slots.hold(pusher, (slot) =>
          memory.hold(pusher, body.size, (lease) => handle(services, context, { body, time, slot, lease })),
        );
      } catch (error) {
        if (error instanceof CourierError && error.code === 'busy') return comeAgain(context, error);
        throw error;
      }
    });
  };
