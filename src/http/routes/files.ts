import type { AnnouncedDelivery } from '../../delivery/checks/check-request.ts';
import type { Delivery, DeliveryOptions, Source } from '../../domain.ts';
import { CourierError } from '../../errors.ts';
import { type ContentType, specificType } from '../../text/media-type.ts';
import { holderOf } from '../capacity.ts';
import type { Capacity, HttpDependencies } from '../dependencies.ts';
import { jsonResponse } from '../json-response.ts';
import { readBodyDigests, sha256Among, withDigests } from '../request/body-digests.ts';
import {
  fileType,
  keyOfRequest,
  readContentType,
  readIdempotencyKey,
  rejectCodings,
  rejectEvents,
  rejectTrailers,
} from '../request/body-headers.ts';
import { fileNameOf } from '../request/content-disposition.ts';
import { readForm } from '../request/form.ts';
import { type Incoming, type RequestBody, requestBody } from '../request/incoming-request.ts';
import { deliveryOptions, gatherOptions, parseInput } from '../request/options.ts';
import { readQuery } from '../request/request-head.ts';
import { type CourierContext, withinRequest } from '../request-context.ts';

type Sent = Pick<Delivery, 'source' | 'expectedSha256'> & { options: DeliveryOptions };

interface Reading {
  body: RequestBody;
  contentType: ContentType;
  query: [string, string][];
  headers: Headers;
  incoming: Pick<Incoming, 'trailers'>;
}

const withName = (name: string | undefined): { name?: string } => (name === undefined ? {} : { name });

/** The body is the file; the options are in the query. */
const readRaw = ({ body, contentType, query, headers, incoming }: Reading): Sent => {
  const digests = readBodyDigests((name) => headers.get(name));
  const others = digests.filter(({ algorithm }) => algorithm !== 'sha256');
  const disposition = headers.get('content-disposition');
  const named = withName(disposition === null ? undefined : fileNameOf(disposition));
  const options = parseInput(deliveryOptions, { ...named, ...gatherOptions(query) });
  const source: Source = {
    size: body.size,
    mimeType: specificType(fileType(contentType), options.name),
    open: () =>
      withDigests(
        body.read(true, () => rejectTrailers(incoming)),
        others,
      ),
  };
  return {
    options,
    source,
    expectedSha256: sha256Among(digests),
  };
};

/** A form: the options as fields (or in the query), then the file. */
const readMultipart = async ({ body, contentType, query, headers, incoming }: Reading): Promise<Sent> => {
  const boundary = contentType.parameters?.get('boundary') ?? '';
  const digests = readBodyDigests((name) => headers.get(name));
  const form = await readForm(
    body.read(false, () => rejectTrailers(incoming)),
    boundary,
    digests,
  );
  const options = parseInput(deliveryOptions, { name: form.fileName, ...gatherOptions([...query, ...form.fields]) });
  return {
    options,
    source: { size: undefined, mimeType: specificType(form.mimeType, options.name), open: form.read },
    expectedSha256: form.expectedSha256,
  };
};

/**
 * The parts of a delivery that are known before its form is read. The destination may be in the query, in a field of
 * the form, or missing.
 */
const announcedByForm = ({ contentType, query, headers }: Reading): Pick<AnnouncedDelivery, 'options'> => {
  if (contentType.parameters?.get('boundary') === undefined) {
    throw new CourierError('request-invalid', { detail: 'The Content-Type of the form has no boundary.' });
  }
  // Rejects malformed digests before the body is read.
  readBodyDigests((field) => headers.get(field));
  const { destination, name } = gatherOptions(query);
  return destination === undefined ? {} : { options: { destination, ...withName(name) } };
};

type FilesDependencies = Pick<
  HttpDependencies,
  'authorize' | 'deliver' | 'destinations' | 'maxBodyBytes' | 'now' | 'requestSeconds' | 'log'
>;

/** True for a request target with the parameter "unpack", whose code is loaded only when it is used. */
const UNPACK = /[?&]unpack=/;

/** `POST /v1/files` and `POST /`. Everything in the head of the request is checked before any byte of the body is read. */
export const createFilesHandler =
  (dependencies: FilesDependencies, capacity: Capacity) =>
  async (context: CourierContext): Promise<Response> => {
    const { slots, minThroughput } = capacity;
    if (UNPACK.test(context.env.incoming.url ?? '')) {
      const { unpackArchive } = await import('./unpack.ts');
      return unpackArchive(context, dependencies, capacity);
    }
    return withinRequest(context, dependencies, async (time) => {
      const { headers } = context.req.raw;
      const { incoming, begin } = context.env;
      rejectCodings(headers);
      rejectEvents(headers);
      const parameters = readQuery(incoming.url ?? '');
      const { idempotencyKey, query } = keyOfRequest(readIdempotencyKey(headers), parameters, headers);
      const contentType = readContentType(headers.get('content-type'));
      const caller = context.get('caller');
      const pressure = (): number => slots.pressure(holderOf.caller(caller));
      const body = requestBody(incoming, { maxBytes: dependencies.maxBodyBytes, minThroughput, pressure, begin });
      const reading = { body, contentType, headers, incoming, query };
      const isForm = contentType.mediaType === 'multipart/form-data';
      const raw = isForm ? undefined : readRaw(reading);
      const { requestId } = context.get('trace');
      const known = raw === undefined ? announcedByForm(reading) : { options: raw.options, size: raw.source.size };
      dependencies.authorize({ caller, requestId, idempotencyKey, ...known });
      try {
        const receipt = await slots.hold(holderOf.caller(caller), async () =>
          dependencies.deliver({
            ...(raw ?? (await readMultipart(reading))),
            ...time,
            caller,
            requestId,
            idempotencyKey,
          }),
        );
        return jsonResponse(receipt, receipt.outcome === 'created' ? 201 : 200);
      } finally {
        body.release();
      }
    });
  };
