import { CourierError } from '../errors.ts';
import { requestBody } from '../source/request-body.ts';
import { readBodyDigests, withDigests } from './body-digests.ts';
import { refuseCodings, refuseTrailers } from './delivery-headers.ts';
import type { CourierContext } from './environment.ts';
import { readContentType } from './media-type.ts';

const JSON_TYPE = /^application\/([\w.!#$&^+-]+\+)?json$/;

/** The body of a request that is JSON: what it announces, and how to read it whole. */
export interface JsonBody {
  /** Bytes, when the request says so. */
  size: number | undefined;
  /** @throws CourierError `too-large`, `body-truncated` */
  read(): Promise<Buffer>;
}

/**
 * Looks at a request's headers; no byte of the body is asked for yet.
 * @param maxBytes larger ones are refused
 * @param otherwise what a body of another media type is told
 * @throws CourierError `media-type-unsupported`, `too-large`
 */
export const jsonBody = (
  context: CourierContext,
  maxBytes: number,
  otherwise = 'The body must be application/json.',
): JsonBody => {
  const { headers } = context.req.raw;
  const { incoming, begin } = context.env;
  refuseCodings(headers);
  const digests = readBodyDigests((name) => headers.get(name));
  const body = requestBody(incoming, { maxBytes, ...(begin === undefined ? {} : { begin }) });
  const { mediaType, parameters } = readContentType(headers.get('content-type'));
  if (body.size !== 0 && !JSON_TYPE.test(mediaType)) {
    throw new CourierError('media-type-unsupported', { detail: otherwise });
  }
  const charset = parameters?.get('charset')?.toLowerCase() ?? 'utf-8';
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw new CourierError('media-type-unsupported', {
      detail: `JSON is UTF-8 (RFC 8259), not ${charset.slice(0, 40)}.`,
    });
  }
  return {
    size: body.size,
    async read() {
      const pieces: Uint8Array[] = [];
      for await (const piece of withDigests(refuseTrailers(body.read(), incoming), digests)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
  };
};

/**
 * Reads a body of JSON that is small.
 * @returns undefined for an empty body
 * @throws CourierError `too-large`, `body-truncated`, `request-invalid`
 */
export const readJson = async (body: JsonBody): Promise<unknown> => {
  const bytes = await body.read();
  if (bytes.byteLength === 0) return undefined;
  return parseJson(bytes);
};

/** @throws CourierError `request-invalid` */
export const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text.
    throw new CourierError('request-invalid', { detail: 'The body is not JSON in UTF-8.' });
  }
};
