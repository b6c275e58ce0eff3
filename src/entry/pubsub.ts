import { setImmediate } from 'node:timers/promises';
import { asCourierError, CourierError } from '../errors.ts';
import type { CourierContext } from './environment.ts';
import { jsonBody, parseJson } from './json-body.ts';
import { handleMessage, messageFields } from './message-handler.ts';
import { problemHeaders, problemOf } from './problem.ts';
import { readPush, UNWRAPPED, unwrap } from './pubsub-message.ts';
import { type RequestTime, withinRequest } from './request-signal.ts';
import type { Services } from './services.ts';
import { holderOf, type Slot, type Slots } from './slots.ts';
import { MOST_PUSH_BYTES, type WholeBodies } from './whole-bodies.ts';

/**
 * A push is acknowledged within 600 seconds at most (pubsub/docs/push), or it comes again while the first is still at work.
 * What would take longer stops a minute before, at a chunk border, and goes on from there when it comes again.
 */
export const PUSH_SECONDS = 540;

/** Seconds after which a set-up fault may have been mended; Pub/Sub keeps its own pace. */
const SETUP_RETRY_SECONDS = 60;

/** The data of an unwrapped push may be anything. @throws CourierError `request-invalid` */
const parsePush = (bytes: Buffer): unknown => {
  try {
    return parseJson(bytes);
  } catch (cause) {
    throw new CourierError('request-invalid', { detail: UNWRAPPED, cause });
  }
};

/** "Come again": 503 whatever the error's own status is, since Pub/Sub takes no answer but success for final. */
const comeAgain = (context: CourierContext, error: CourierError): Response => {
  context.set('failure', error);
  return new Response(JSON.stringify({ ...problemOf(error, context.var.trace.requestId), status: 503 }), {
    status: 503,
    headers: { 'Retry-After': String(SETUP_RETRY_SECONDS), ...problemHeaders(error) },
  });
};

const forbidden = (): CourierError =>
  new CourierError('caller-not-allowed', {
    detail: 'The token is not that of the account which pushes for this subscription.',
    remedy: 'Let the operator set this account as "serviceAccount" of the subscription under "pubsub".',
  });

const receive = async (
  services: Services,
  context: CourierContext,
  { bytes, time, slot }: { bytes: Buffer; time: RequestTime; slot: Slot },
): Promise<Response> => {
  const { caller, trace } = context.var;
  // What is no push, or not from this subscription's own account, is refused as any other request would be.
  const body = parsePush(bytes);
  // Parsing and decoding some megabytes are two turns of the event loop, so that others are served in between.
  await setImmediate();
  const wrapped = readPush(body);
  const origin = wrapped.subscription ?? '';
  const grant = services.mayPush(caller, origin);
  if (grant === undefined) throw forbidden();
  slot.move(holderOf.subscription(origin));
  const unwrapped = unwrap(wrapped);
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
  (services: Services, slots: Slots, bodies: WholeBodies) =>
  (context: CourierContext): Promise<Response> => {
    const requestSeconds = Math.min(services.requestSeconds, PUSH_SECONDS);
    return withinRequest(context, { ...services, requestSeconds }, async (time) => {
      const body = jsonBody(context, MOST_PUSH_BYTES, UNWRAPPED);
      try {
        return await slots.hold(holderOf.pusher(context.var.caller), (slot) =>
          bodies.hold(body.size ?? MOST_PUSH_BYTES, async () => {
            const bytes = await body.read();
            await setImmediate();
            return receive(services, context, { bytes, time, slot });
          }),
        );
      } catch (error) {
        if (error instanceof CourierError && error.code === 'busy') return comeAgain(context, error);
        throw error;
      }
    });
  };
