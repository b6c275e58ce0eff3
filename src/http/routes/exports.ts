import { CourierError } from '../../errors.ts';
import { readIdempotencyKey, refuseEvents } from '../request/delivery-headers.ts';
import { MAX_DOCUMENT_BYTES } from '../capacity/document-memory.ts';
import type { CourierContext } from '../environment.ts';
import { createDocumentReader, openExport } from '../../exports/export-document.ts';
import { jsonBody } from '../request/json-body.ts';
import { keyOfRequest } from '../request/platform-key.ts';
import { readQuery, refuseOptions } from '../request/query.ts';
import { withinRequest } from '../request/request-signal.ts';
import type { Capacity } from '../capacity/room.ts';
import type { Services } from '../services.ts';
import { holderOf } from '../capacity/slots.ts';

/** One key from the two places where it may stand. */
const oneKey = (header: string | undefined, field: string | undefined): { idempotencyKey?: string } => {
  if (header !== undefined && field !== undefined && header !== field) {
    throw new CourierError('request-invalid', { detail: 'The header Idempotency-Key and idempotencyKey differ.' });
  }
  const idempotencyKey = header ?? field;
  return idempotencyKey === undefined ? {} : { idempotencyKey };
};

/** `POST /v1/exports`. A `Content-Digest` is that of the document, as RFC 9530 says, not of the file that it asks for. */
export const createExportsHandler =
  (services: Services, { slots, memory, minThroughput }: Capacity) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, services, async (time) => {
      const { headers } = context.req.raw;
      refuseEvents(headers);
      const asked = readQuery(context.env.incoming.url ?? '');
      const { idempotencyKey: key, query } = keyOfRequest(readIdempotencyKey(headers), asked, headers);
      refuseOptions(query);
      const maxBytes = Math.min(MAX_DOCUMENT_BYTES, services.maxBodyBytes ?? MAX_DOCUMENT_BYTES);
      const body = jsonBody(context, maxBytes, { minThroughput });
      const { caller, trace } = context.var;
      services.authorize({ caller, requestId: trace.requestId, idempotencyKey: key });
      const receipt = await slots.hold(holderOf.caller(caller), () =>
        memory.hold(holderOf.caller(caller), body.size, async (lease) => {
          const { scanner, finish } = createDocumentReader();
          const bytes = await body.collect(scanner, lease);
          const request = { ...time, caller, requestId: trace.requestId };
          const { idempotencyKey, ...opened } = await openExport(finish(bytes), services, request);
          return services.deliver({ ...opened, ...oneKey(key, idempotencyKey), ...request });
        }),
      );
      return context.json(receipt, receipt.outcome === 'created' ? 201 : 200);
    });
