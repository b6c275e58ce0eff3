import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CourierError } from '../../errors.ts';
import { problemOf } from '../problem.ts';
import { HEADERS_TOO_LARGE, headersTooLarge, PERCENT_ENCODE } from '../request/request-head.ts';
import { readTrace } from '../request-context.ts';

/** Answers to requests that never reach the app. */

/**
 * How long a caller has to read such an answer and to close the connection. Node has no time limit for these connections any
 * more, so they would stay open for as long as the caller likes.
 */
const LINGER_MS = 1_000;

interface Rejection {
  error: CourierError;
  /** The status code and its reason phrase. */
  statusLine: string;
  status: number;
}

const badRequest = (detail: string, remedy?: string): Rejection => ({
  error: new CourierError('request-invalid', { detail, remedy }),
  statusLine: '400 Bad Request',
  status: 400,
});

export const rejectionOf = ({ code }: NodeJS.ErrnoException): Rejection => {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const statusLine = `${HEADERS_TOO_LARGE} Request Header Fields Too Large`;
    return { error: headersTooLarge(), statusLine, status: HEADERS_TOO_LARGE };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return badRequest('The headers did not arrive in time.');
  return badRequest('The request cannot be parsed as HTTP/1.1.', `Check the URL and the headers. ${PERCENT_ENCODE}`);
};

/**
 * Answers a request that never reaches the app, and closes the connection: the start of a next request cannot be found.
 */
export const respondAndClose = ({ error, statusLine, status }: Rejection, socket: Duplex): void => {
  const problem = { ...problemOf(error, readTrace(new Headers()).requestId), status };
  const body = JSON.stringify(problem);
  socket.end(
    [
      `HTTP/1.1 ${statusLine}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${problem.requestId}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
};

/** Answers a CONNECT request. Node would close its connection without a response. */
export const rejectConnect = (_: IncomingMessage, socket: Duplex): void => {
  const error = new CourierError('method-not-allowed', { detail: 'CONNECT is not supported here.' });
  respondAndClose(
    { error, statusLine: '405 Method Not Allowed\r\nAllow: GET, HEAD, POST, OPTIONS', status: 405 },
    socket,
  );
};
