import { CourierError } from '../errors.ts';
import { requestBody } from '../source/request-body.ts';
import { refuseContentEncoding } from './delivery-headers.ts';
import type { CourierContext } from './environment.ts';
import { readContentType } from './media-type.ts';

const JSON_TYPE = /^application\/([\w.!#$&^+-]+\+)?json$/;

/**
 * Reads a request's JSON.
 * @param maxBytes larger ones are refused
 * @returns undefined for an empty body
 * @throws CourierError `media-type-unsupported`, `too-large`, `body-truncated`, `request-invalid`
 */
export const readJson = async (context: CourierContext, maxBytes: number): Promise<unknown> => {
  const { headers } = context.req.raw;
  const { incoming, begin } = context.env;
  refuseContentEncoding(headers);
  const body = requestBody(incoming, { maxBytes, ...(begin === undefined ? {} : { begin }) });
  const { mediaType } = readContentType(headers.get('content-type'));
  if (body.size !== 0 && !JSON_TYPE.test(mediaType)) {
    throw new CourierError('media-type-unsupported', { detail: 'The body must be application/json.' });
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of body.read()) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (bytes.byteLength === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the text.
    throw new CourierError('request-invalid', { detail: 'The body is not JSON in UTF-8.' });
  }
};
