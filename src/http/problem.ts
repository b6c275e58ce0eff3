import { asCourierError, type CourierError, type ErrorCode } from '../errors.ts';

/** RFC 9457, with the contract's own members. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  remedy: string;
  retryable: boolean;
  requestId: string;
}

/** A name rather than an address: an installation has no page of its own, and docs/errors.md tells of every code. */
const problemType = (code: ErrorCode): string => `urn:drive-courier:error:${code}`;

/** The error as it may be seen by anybody: the table's words and the caller's own input, never a cause. */
export const problemOf = (error: CourierError, requestId: string): Problem => ({
  type: problemType(error.code),
  title: error.title,
  status: error.status,
  code: error.code,
  detail: error.detail ?? `${error.title}.`,
  remedy: error.remedy,
  retryable: error.retryable,
  requestId,
});

const TOKEN_ERRORS: ReadonlySet<ErrorCode> = new Set(['token-invalid', 'token-expired', 'token-audience']);

/** RFC 6750, 3: without a token only the challenge; with one also what is wrong. */
const challenge = ({ code, title }: CourierError): string =>
  TOKEN_ERRORS.has(code)
    ? `Bearer realm="drive-courier", error="invalid_token", error_description="${title}"`
    : 'Bearer realm="drive-courier"';

export const problemHeaders = (error: CourierError): Record<string, string> => ({
  'Content-Type': 'application/problem+json',
  ...(error.status === 401 ? { 'WWW-Authenticate': challenge(error) } : {}),
  ...(error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.ceil(error.retryAfterSeconds)) }),
});

/**
 * Anything thrown, as an answer.
 * @param status where HTTP has a more exact one than the code's own
 */
export const problemResponse = (
  thrown: unknown,
  requestId: string,
  { status, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response => {
  const error = asCourierError(thrown);
  const problem = problemOf(error, requestId);
  const answered = { ...problem, status: status ?? problem.status };
  return new Response(JSON.stringify(answered), {
    status: answered.status,
    headers: { ...problemHeaders(error), ...headers },
  });
};
