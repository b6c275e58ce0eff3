import { CourierError } from '../../errors.ts';
import { asManyDocument, createDocumentReader, type ManyDocument, openExport } from '../../exports/export-document.ts';
import { holderOf, type Slots } from '../capacity.ts';
import type { Capacity, HttpDependencies } from '../dependencies.ts';
import { jsonResponse } from '../json-response.ts';
import { MAX_DOCUMENT_BYTES } from '../document-memory.ts';
import { keyOfRequest, keyOfSchedule, readIdempotencyKey, rejectEvents } from '../request/body-headers.ts';
import { jsonBody } from '../request/json-body.ts';
import { readQuery, rejectOptions } from '../request/request-head.ts';
import { type CourierContext, withinRequest } from '../request-context.ts';

/** The idempotency key, which may be in the header or in the document. @throws CourierError `request-invalid` for two different ones */
const oneKey = (header: string | undefined, field: string | undefined): { idempotencyKey: string | undefined } => {
  if (header !== undefined && field !== undefined && header !== field) {
    throw new CourierError('request-invalid', {
      detail: 'The Idempotency-Key header and the field idempotencyKey differ.',
    });
  }
  return { idempotencyKey: header ?? field };
};

/** What to do about a document over the limit. */
const TOO_LARGE =
  'Send the file itself to POST /v1/files or by an upload session, or put it into Cloud Storage and export it with "gcs".';

type ExportsDependencies = Pick<
  HttpDependencies,
  | 'authorize'
  | 'deliver'
  | 'openObject'
  | 'openPrefix'
  | 'openQuery'
  | 'maxBodyBytes'
  | 'now'
  | 'requestSeconds'
  | 'log'
>;

/** Answers with a line for each of many files. Its code is loaded only when it is used. */
const answerMany = async (
  context: CourierContext,
  dependencies: ExportsDependencies & { slots: Slots },
  many: ManyDocument,
  key: string | undefined,
): Promise<Response> => {
  const { answerLines } = await import('../many/answer-lines.ts');
  const { deliverPrefix } = await import('../many/deliver-prefix.ts');
  const { caller, trace } = context.var;
  const request = { caller, requestId: trace.requestId, key };
  const holder = holderOf.caller(caller);
  return answerLines(context, dependencies, (time, write) =>
    dependencies.slots.hold(holder, () => deliverPrefix(dependencies, many, { ...request, time, write })),
  );
};

/**
 * `POST /v1/exports`. `Content-Digest` is the digest of the document (RFC 9530), not of the file that is generated from
 * it.
 */
export const createExportsHandler =
  (dependencies: ExportsDependencies, { slots, memory, minThroughput }: Capacity) =>
  async (context: CourierContext): Promise<Response> => {
    const result = await withinRequest(context, dependencies, async (time) => {
      const { headers } = context.req.raw;
      rejectEvents(headers);
      const parameters = readQuery(context.env.incoming.url ?? '');
      const { idempotencyKey: key, query } = keyOfRequest(readIdempotencyKey(headers), parameters, headers);
      rejectOptions(query);
      const maxBytes = Math.min(MAX_DOCUMENT_BYTES, dependencies.maxBodyBytes ?? MAX_DOCUMENT_BYTES);
      const { caller, trace } = context.var;
      const pressure = (): number => slots.pressure(holderOf.caller(caller));
      const body = jsonBody(context, maxBytes, { remedy: TOO_LARGE, minThroughput, pressure });
      dependencies.authorize({ caller, requestId: trace.requestId, idempotencyKey: key });
      return slots.hold(holderOf.caller(caller), () =>
        memory.hold(holderOf.caller(caller), body.size, async (lease) => {
          const { scanner, finish } = createDocumentReader();
          const bytes = await body.collect(scanner, lease);
          const document = finish(bytes);
          const given = oneKey(key, document.fields.idempotencyKey);
          const many = asManyDocument(document.fields);
          if (many !== undefined) return { many, ...given };
          const idempotencyKey = given.idempotencyKey ?? keyOfSchedule(headers);
          const request = { ...time, caller, requestId: trace.requestId, idempotencyKey };
          const { impliedKey, ...opened } = await openExport(document, dependencies, request);
          const delivery = { ...opened, ...request, idempotencyKey: idempotencyKey ?? impliedKey };
          return { receipt: await dependencies.deliver(delivery) };
        }),
      );
    });
    if ('many' in result) return answerMany(context, { ...dependencies, slots }, result.many, result.idempotencyKey);
    const { receipt } = result;
    return jsonResponse(receipt, receipt.outcome === 'created' ? 201 : 200);
  };
