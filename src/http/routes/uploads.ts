import { z } from 'zod';
import { specificType } from '../../text/media-type-by-name.ts';
import { readIdempotencyKey } from '../request/delivery-headers.ts';
import type { CourierContext } from '../environment.ts';
import { jsonBody, readJson } from '../request/json-body.ts';
import { mimeTypeOption, optionShape, parseInput, sha256Option } from '../request/options.ts';
import { refuseQuery } from '../request/query.ts';
import { withinRequest } from '../request/request-signal.ts';
import type { Capacity } from '../capacity/room.ts';
import type { Services } from '../services.ts';
import { holderOf } from '../capacity/slots.ts';

const MAX_JSON_BYTES = 65_536;

/** The body of `POST /v1/uploads`. */
export const uploadRequest = z.strictObject({
  ...optionShape,
  mimeType: mimeTypeOption,
  size: z.int().min(0).max(5_497_558_138_880).meta({ description: 'Bytes; Drive’s own limit is 5 TB.' }),
});

/** The body of `POST /v1/uploads/{id}/complete`, which may be left out. */
export const completeRequest = z.strictObject({ sha256: z.exactOptional(sha256Option) });

/** `POST /v1/uploads`: opens a session that the caller sends its bytes to directly. */
export const createOpenUploadHandler =
  (services: Services, { slots, minThroughput }: Pick<Capacity, 'slots' | 'minThroughput'>) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, services, async (time) => {
      const { caller, trace } = context.var;
      refuseQuery(context.env.incoming.url ?? '');
      const idempotencyKey = readIdempotencyKey(context.req.raw.headers);
      const body = jsonBody(context, MAX_JSON_BYTES, { minThroughput });
      services.authorize({ caller, requestId: trace.requestId, idempotencyKey });
      const session = await slots.hold(holderOf.caller(caller), async () => {
        const { mimeType, ...options } = parseInput(uploadRequest, await readJson(body));
        return services.openUpload({
          caller,
          options: { ...options, mimeType: specificType(mimeType, options.name) },
          ...time,
          ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        });
      });
      return context.json(session, 201);
    });

/** `POST /v1/uploads/{id}/complete`: the receipt for what arrived. */
export const createCompleteUploadHandler =
  (services: Services, { slots, minThroughput }: Pick<Capacity, 'slots' | 'minThroughput'>) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, services, async (time) => {
      const { caller } = context.var;
      const body = jsonBody(context, MAX_JSON_BYTES, { minThroughput });
      // A caller that may write nowhere any more gets the receipt that its upload has, or is refused, without its body.
      const mayWrite = services.destinations(caller).length > 0;
      const receipt = await slots.hold(holderOf.caller(caller), async () => {
        const { sha256 } = parseInput(completeRequest, (mayWrite ? await readJson(body) : undefined) ?? {});
        return services.completeUpload({
          id: context.req.param('id') ?? '',
          caller,
          ...time,
          ...(sha256 === undefined ? {} : { sha256 }),
        });
      });
      return context.json(receipt, receipt.outcome === 'created' ? 201 : 200);
    });
