import { z } from 'zod';
import { readIdempotencyKey } from './delivery-headers.ts';
import type { CourierContext } from './environment.ts';
import { readJson } from './json-body.ts';
import { mimeTypeOption, optionShape, parseInput, sha256Option } from './options.ts';
import { refuseQuery } from './query.ts';
import { withinRequest } from './request-signal.ts';
import type { Services } from './services.ts';

const MOST_JSON_BYTES = 65_536;

/** The body of `POST /v1/uploads`. */
export const uploadRequest = z.strictObject({
  ...optionShape,
  mimeType: mimeTypeOption,
  /** Bytes; Drive's own limit is 5 TB. */
  size: z.int().min(0).max(5_497_558_138_880),
});

/** The body of `POST /v1/uploads/{id}/complete`, which may be left out. */
export const completeRequest = z.strictObject({ sha256: z.exactOptional(sha256Option) });

/** `POST /v1/uploads`: opens a session that the caller sends its bytes to directly. */
export const createOpenUploadHandler =
  (services: Services) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, services, async (time) => {
      refuseQuery(context.env.incoming.url ?? '');
      const idempotencyKey = readIdempotencyKey(context.req.raw.headers);
      const options = parseInput(uploadRequest, await readJson(context, MOST_JSON_BYTES));
      const session = await services.openUpload({
        caller: context.var.caller,
        options,
        ...time,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      });
      return context.json(session, 201);
    });

/** `POST /v1/uploads/{id}/complete`: the receipt for what arrived. */
export const createCompleteUploadHandler =
  (services: Services) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, services, async (time) => {
      const { sha256 } = parseInput(completeRequest, (await readJson(context, MOST_JSON_BYTES)) ?? {});
      const receipt = await services.completeUpload({
        id: context.req.param('id') ?? '',
        caller: context.var.caller,
        ...time,
        ...(sha256 === undefined ? {} : { sha256 }),
      });
      return context.json(receipt, receipt.outcome === 'created' ? 201 : 200);
    });
