import type { GoogleErrorBody } from '../google-service.ts';

/** An error answer in the format of the requested API. */
export class ApiError extends Error {
  readonly code: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: number, message: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.body = body;
    this.headers = headers;
  }
}

/** HTTP codes of `google.rpc.Code` (googleapis/google/rpc/code.proto). */
const HTTP_CODES = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
} as const;

export type RpcStatus = keyof typeof HTTP_CODES;

/** An error of a Cloud API over REST: `{error: {code, message, status, details}}`. */
export function rpcError(status: RpcStatus, message: string, details?: readonly unknown[]): ApiError {
  const code = HTTP_CODES[status];
  const body: GoogleErrorBody = {
    error: { code, message, status, details: details?.slice() },
  };
  const headers: Record<string, string> =
    status === 'UNAUTHENTICATED'
      ? { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' }
      : {};
  return new ApiError(code, message, body, headers);
}

export const errorInfo = (reason: string, domain: string, metadata: Readonly<Record<string, string>>): unknown => ({
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  reason,
  domain,
  metadata,
});

/** An error of the token endpoints: `{error, error_description}` (RFC 6749, section 5.2). */
export const oauthError = (error: string, description?: string, code = 400): ApiError =>
  new ApiError(code, description ?? error, {
    error,
    error_description: description,
  });
