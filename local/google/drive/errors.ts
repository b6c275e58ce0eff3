import type { GoogleErrorBody } from '../google-service.ts';

interface Cause {
  reason: string;
  domain?: string;
  location?: string;
  locationType?: 'parameter' | 'header' | 'other';
  status?: string;
  details?: unknown[];
  /** The message in `errors`, when it differs from the outer one. */
  message?: string;
  headers?: Record<string, string>;
}

/** An answer in Google's error form. Reasons and texts: developers.google.com/workspace/drive/api/guides/handle-errors. */
export class DriveError extends Error {
  readonly code: number;
  readonly cause_: Cause;

  constructor(code: number, message: string, cause: Cause) {
    super(message);
    this.code = code;
    this.cause_ = cause;
  }

  get headers(): Record<string, string> {
    return this.cause_.headers ?? {};
  }

  get body(): GoogleErrorBody {
    const { reason, domain = 'global', location, locationType, status, details, message } = this.cause_;
    const parameter = location === undefined ? {} : { location, locationType: locationType ?? 'parameter' };
    return {
      error: {
        code: this.code,
        message: this.message,
        errors: [{ message: message ?? this.message, domain, reason, ...parameter }],
        status,
        details,
      },
    };
  }
}

const PARAMETER = { locationType: 'parameter' } as const;

export const badRequest = (message: string, reason = 'badRequest', location?: string): DriveError =>
  new DriveError(400, message, location === undefined ? { reason } : { reason, location, ...PARAMETER });

export const invalidParameter = (location: string, message: string): DriveError =>
  badRequest(message, 'invalidParameter', location);

export const invalidValue = (location: string): DriveError => badRequest('Invalid Value', 'invalid', location);

export const required = (location: string, message: string): DriveError => badRequest(message, 'required', location);

/** Drive gives the same answer for a missing file and for one that is not shared with the caller. */
export const fileNotFound = (id: string, location = 'fileId'): DriveError =>
  new DriveError(404, `File not found: ${id}.`, { reason: 'notFound', location, ...PARAMETER });

export const notFound = (what: string, id: string, location: string): DriveError =>
  new DriveError(404, `${what} not found: ${id}.`, { reason: 'notFound', location, ...PARAMETER });

export const forbidden = (reason: string, message: string, location?: string): DriveError =>
  new DriveError(403, message, location === undefined ? { reason } : { reason, location, ...PARAMETER });

export const insufficientFilePermissions = (id: string): DriveError =>
  forbidden('insufficientFilePermissions', `The user does not have sufficient permissions for file ${id}.`, 'fileId');

export const usageLimit = (code: 403 | 429, reason: string, message: string): DriveError =>
  new DriveError(code, message, { reason, domain: 'usageLimits' });

/** For features of the real Drive that this one lacks. */
export const notImplemented = (methodId: string, what = methodId): DriveError =>
  new DriveError(501, `Not implemented by the local Google: ${what}.`, {
    reason: 'notImplemented',
    status: 'UNIMPLEMENTED',
    location: methodId,
  });
