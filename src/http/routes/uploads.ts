import { z } from 'zod';
import { specificType } from '../../text/media-type.ts';
import { holderOf } from '../capacity.ts';
import type { Capacity, HttpDependencies } from '../dependencies.ts';
import { jsonResponse } from '../json-response.ts';
import { readIdempotencyKey } from '../request/body-headers.ts';
import { jsonBody, readJson } from '../request/json-body.ts';
import { mimeTypeOption, optionShape, parseInput, sha256Option } from '../request/options.ts';
import { rejectQuery } from '../request/request-head.ts';
import { type CourierContext, withinRequest } from '../request-context.ts';

const MAX_JSON_BYTES = 65_536;

/** The body of `POST /v1/uploads`. */
export const uploadRequest = z.strictObject({
  ...optionShape,
  mimeType: mimeTypeOption,
  size: z
    .int()
    .min(0)
    .max(5_497_558_138_880)
    .meta({ description: 'The size of the file in bytes. Drive’s limit is 5 TB.' }),
});

/** The optional body of `POST /v1/uploads/{id}/complete`. */
export const completeRequest = z.strictObject({ sha256: z.exactOptional(sha256Option) });

type Throttled = Pick<Capacity, 'slots' | 'minThroughput'>;
type RequestDependencies = 'now' | 'requestSeconds' | 'log';

/** `POST /v1/uploads`: opens a resumable upload session in Drive, to which the caller sends the bytes directly. */
export const createOpenUploadHandler =
  (
    dependencies: Pick<HttpDependencies, RequestDependencies | 'authorize' | 'openUpload'>,
    { slots, minThroughput }: Throttled,
  ) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, dependencies, async (time) => {
      const { caller, trace } = context.var;
      rejectQuery(context.env.incoming.url ?? '');
      const idempotencyKey = readIdempotencyKey(context.req.raw.headers);
      const pressure = (): number => slots.pressure(holderOf.caller(caller));
      const body = jsonBody(context, MAX_JSON_BYTES, { minThroughput, pressure });
      dependencies.authorize({ caller, requestId: trace.requestId, idempotencyKey });
      const session = await slots.hold(holderOf.caller(caller), async () => {
        const { mimeType, ...options } = parseInput(uploadRequest, await readJson(body));
        return dependencies.openUpload({
          caller,
          options: { ...options, mimeType: specificType(mimeType, options.name) },
          ...time,
          idempotencyKey,
        });
      });
      return jsonResponse(session, 201);
    });

/** `POST /v1/uploads/{id}/complete`: verifies the file in Drive and returns the receipt. */
export const createCompleteUploadHandler =
  (
    dependencies: Pick<HttpDependencies, RequestDependencies | 'completeUpload' | 'destinations'>,
    { slots, minThroughput }: Throttled,
  ) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, dependencies, async (time) => {
      const { caller } = context.var;
      // Otherwise a digest in the query would be ignored, and the file would count as verified.
      rejectQuery(context.env.incoming.url ?? '');
      const pressure = (): number => slots.pressure(holderOf.caller(caller));
      const body = jsonBody(context, MAX_JSON_BYTES, { minThroughput, pressure });
      // The body of a caller that is no longer authorized anywhere is not read. It still gets the receipt of a finished upload.
      const mayWrite = dependencies.destinations(caller).length > 0;
      const receipt = await slots.hold(holderOf.caller(caller), async () => {
        const { sha256 } = parseInput(completeRequest, (mayWrite ? await readJson(body) : undefined) ?? {});
        return dependencies.completeUpload({
          id: context.req.param('id') ?? '',
          caller,
          ...time,
          sha256,
        });
      });
      return jsonResponse(receipt, receipt.outcome === 'created' ? 201 : 200);
    });
