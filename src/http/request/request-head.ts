import { CourierError } from '../../errors.ts';
import type { Incoming } from './request-body.ts';

/** Headers of a request; more are refused, because a server that ignores some might ignore a digest. */
export const MAX_HEADERS = 100;
/** Of all names and values together. */
export const MAX_HEADER_BYTES = 24_576;
/** RFC 6585, 5. */
export const HEADERS_TOO_LARGE = 431;

const invalid = (detail: string, remedy?: string): CourierError =>
  new CourierError('request-invalid', remedy === undefined ? { detail } : { detail, remedy });

export const headersTooLarge = (): CourierError =>
  invalid(
    `The headers have more than ${MAX_HEADER_BYTES} bytes.`,
    'Send fewer or shorter headers; cookies in particular are not needed.',
  );

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === 'host';

/** RFC 9112, 3.2; HTTP/2 may go without (RFC 9113, 8.3.1), and its parser refuses two. */
const refuseHosts = ({ httpVersion, rawHeaders }: Incoming): void => {
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

/** Checks what the parsers let pass. @throws CourierError `request-invalid` */
export const refuseHead = (incoming: Incoming): void => {
  if (incoming.rawHeaders.length > 2 * MAX_HEADERS) {
    throw invalid(`The request has more than ${MAX_HEADERS} headers.`);
  }
  refuseHosts(incoming);
};

/** True for HTTP/2 alone: HTTP/1's parser has a limit of its own, and answers at it. */
export const isHeadTooLarge = (incoming: Incoming): boolean =>
  'stream' in incoming && sizeOf(incoming) > MAX_HEADER_BYTES;
