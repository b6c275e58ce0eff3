import { CourierError } from '../errors.ts';
import { readIdempotencyKey, refuseEvents } from './delivery-headers.ts';
import type { CourierContext } from './environment.ts';
import { openExport, readExportDocument } from './export-document.ts';
import { jsonBody } from './json-body.ts';
import { keyOfRequest } from './platform-key.ts';
import { readQuery, refuseOptions } from './query.ts';
import { withinRequest } from './request-signal.ts';
import type { Services } from './services.ts';
import { holderOf, type Slots } from './slots.ts';
import { MOST_DOCUMENT_BYTES, type WholeBodies } from './whole-bodies.ts';

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
  (services: Services, slots: Slots, bodies: WholeBodies) =>
  (context: CourierContext): Promise<Response> =>
    withinRequest(context, services, async (time) => {
      const { headers } = context.req.raw;
      refuseEvents(headers);
      const asked = readQuery(context.env.incoming.url ?? '');
      const { idempotencyKey: key, query } = keyOfRequest(readIdempotencyKey(headers), asked, headers);
      refuseOptions(query);
      const maxBytes = Math.min(MOST_DOCUMENT_BYTES, services.maxBodyBytes ?? MOST_DOCUMENT_BYTES);
      const body = jsonBody(context, maxBytes);
      const { caller, trace } = context.var;
      services.authorize({ caller, requestId: trace.requestId, idempotencyKey: key });
      const receipt = await slots.hold(holderOf.caller(caller), () =>
        bodies.hold(body.size ?? maxBytes, async () => {
          const bytes = await body.read();
          const request = { ...time, caller, requestId: trace.requestId };
          const { idempotencyKey, ...opened } = await openExport(readExportDocument(bytes), services, request);
          return services.deliver({ ...opened, ...oneKey(key, idempotencyKey), ...request });
        }),
      );
      return context.json(receipt, receipt.outcome === 'created' ? 201 : 200);
    });
