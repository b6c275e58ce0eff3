import { CourierError } from '../../errors.ts';
import type { Incoming } from './incoming-request.ts';

/** The maximum number of headers. Node would drop further ones silently, and one of them might be a digest. */
export const MAX_HEADERS = 100;
/** The maximum size of all names and values together. */
export const MAX_HEADER_BYTES = 24_576;
/** RFC 6585, 5. */
export const HEADERS_TOO_LARGE = 431;

const MAX_PARAMETERS = 32;

/** What to do about characters in a URL that must be percent-encoded. */
export const PERCENT_ENCODE =
  'Percent-encode names and paths as UTF-8, or let the client do it: curl --url-query "name=…" (7.87 or newer), params={…} in Python.';

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', { detail, remedy });

export const headersTooLarge = (): CourierError =>
  invalid(
    `The headers have more than ${MAX_HEADER_BYTES} bytes.`,
    'Send fewer or shorter headers. Cookies are not needed.',
  );

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host';

/** RFC 9112, 3.2. In HTTP/2 the Host header is optional (RFC 9113, 8.3.1), and Node's parser rejects two. */
const rejectInvalidHosts = ({ httpVersion, rawHeaders }: Incoming): void => {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (isHost(rawHeaders[at] ?? '')) hosts += 1;
  if (hosts > 1) throw invalid('The request has more than one Host header.', 'Send exactly one Host header.');
  if (hosts === 0 && httpVersion === '1.1') {
    throw invalid('The request has no Host header.', 'Send a Host header, as HTTP/1.1 requires.');
  }
};

const sizeOf = ({ rawHeaders }: Incoming): number => {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
};

/** Checks what Node's parsers do not. @throws CourierError `request-invalid` */
export const rejectInvalidHead = (incoming: Incoming): void => {
  if (incoming.rawHeaders.length > 2 * MAX_HEADERS) {
    throw invalid(`The request has more than ${MAX_HEADERS} headers.`);
  }
  rejectInvalidHosts(incoming);
};

/** Only HTTP/2 needs this check: Node's HTTP/1 parser has its own limit. */
export const isHeadTooLarge = (incoming: Incoming): boolean =>
  'stream' in incoming && sizeOf(incoming) > MAX_HEADER_BYTES;

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new CourierError('request-invalid', {
      detail: 'The query is not percent-encoded UTF-8.',
      remedy: PERCENT_ENCODE,
      cause,
    });
  }
};

/**
 * Reads the parameters of a request's query. Bytes that are not UTF-8 are rejected; URLSearchParams would put "\uFFFD"
 * into a file's name instead.
 * @param target the request target, exactly as it was received
 * @throws CourierError `request-invalid`
 */
export const readQuery = (target: string): [string, string][] => {
  const start = target.indexOf('?');
  if (start === -1) return [];
  const query = target.slice(start + 1).replace(/#.*$/s, '');
  if (/[^\x21-\x7e]/.test(query))
    throw invalid('The query has characters that must be percent-encoded.', PERCENT_ENCODE);
  const pairs = query.split('&').filter((pair) => pair !== '');
  if (pairs.length > MAX_PARAMETERS) {
    throw invalid(`The query has more than ${MAX_PARAMETERS} parameters.`);
  }
  return pairs.map((pair) => {
    const equals = pair.indexOf('=');
    return equals === -1 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
  });
};

const IN_BODY = 'the options of this request are in its body';

/**
 * Rejects any query, for routes that have no options in it: it would be ignored silently.
 * @param where the options of the route
 * @throws CourierError `request-invalid`
 */
export const rejectQuery = (target: string, where?: string): void => rejectOptions(readQuery(target), where);

/** Rejects any parameter. @throws CourierError `request-invalid` */
export const rejectOptions = ([first]: readonly [string, string][], where = IN_BODY): void => {
  if (first === undefined) return;
  throw new CourierError('request-invalid', {
    detail: `The query has ${JSON.stringify(first[0].slice(0, 100))}, but ${where}.`,
  });
};
