import { asCourierError, type CourierError, type ErrorCode } from '../errors.ts';
import { jsonResponse } from './json-response.ts';

/** JSON Lines, the media type of responses with one receipt or problem a line. */
export const NDJSON = 'application/x-ndjson';

/** A problem document (RFC 9457) with this API's extension members. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  remedy: string;
  retryable: boolean;
  requestId: string;
  /** The exact cause within the code, for programs. Only codes that need it have one. */
  reason?: string;
}

/** Codes with reasons that show callers what to change in their sheet. These reasons are the courier's own, not Google's. */
const WITH_REASON: ReadonlySet<ErrorCode> = new Set(['sheet-shape', 'sheet-full']);

/**
 * A URN rather than a URL, because an installation has no documentation page of its own. docs/errors.md describes every
 * code.
 */
const problemType = (code: ErrorCode): string => `urn:drive-courier:error:${code}`;

/** The public form of an error: the texts of the error table and the caller's own input, but never a cause. */
export const problemOf = (error: CourierError, requestId: string): Problem => ({
  type: problemType(error.code),
  title: error.title,
  status: error.status,
  code: error.code,
  detail: error.detail ?? `${error.title}.`,
  remedy: error.remedy,
  retryable: error.retryable,
  requestId,
  ...(error.reason !== undefined && WITH_REASON.has(error.code) ? { reason: error.reason } : {}),
});

const TOKEN_ERRORS: ReadonlySet<ErrorCode> = new Set(['token-invalid', 'token-expired', 'token-audience']);

/** RFC 6750, 3: without a token only the challenge, with an invalid one also the error. */
const challenge = ({ code, title }: CourierError): string =>
  TOKEN_ERRORS.has(code)
    ? `Bearer realm="drive-courier", error="invalid_token", error_description="${title}"`
    : 'Bearer realm="drive-courier"';

const problemHeaders = (error: CourierError): Record<string, string> => ({
  'Content-Type': 'application/problem+json',
  ...(error.status === 401 ? { 'WWW-Authenticate': challenge(error) } : {}),
  ...(error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.ceil(error.retryAfterSeconds)) }),
});

/**
 * Converts anything thrown to a response.
 * @param status overrides the status of the error code, if HTTP defines a more specific one
 */
export const problemResponse = (
  thrown: unknown,
  requestId: string,
  { status, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response => {
  const error = asCourierError(thrown);
  const problem = problemOf(error, requestId);
  const answered = { ...problem, status: status ?? problem.status };
  return jsonResponse(answered, answered.status, { ...problemHeaders(error), ...headers });
};
