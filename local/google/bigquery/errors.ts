import { ApiError } from '../http/api-error.ts';

/**
 * The reasons of BigQuery's errors with their HTTP codes and `google.rpc.Code` names
 * (https://cloud.google.com/bigquery/docs/error-messages).
 */
const REASONS = {
  accessDenied: [403, 'PERMISSION_DENIED'],
  bytesBilledLimitExceeded: [400, 'INVALID_ARGUMENT'],
  duplicate: [409, 'ALREADY_EXISTS'],
  invalid: [400, 'INVALID_ARGUMENT'],
  invalidQuery: [400, 'INVALID_ARGUMENT'],
  jobInternalError: [400, 'INVALID_ARGUMENT'],
  notFound: [404, 'NOT_FOUND'],
  notImplemented: [501, 'UNIMPLEMENTED'],
  required: [400, 'INVALID_ARGUMENT'],
  resourceInUse: [400, 'FAILED_PRECONDITION'],
  stopped: [200, 'CANCELLED'],
  timeout: [400, 'DEADLINE_EXCEEDED'],
} as const;

export type Reason = keyof typeof REASONS;

/** `ErrorProto`: how a job reports an error. */
export interface ErrorProto {
  reason: string;
  location?: string | undefined;
  message: string;
}

/** An error of BigQuery: an answer of the API, or the result of a job. */
export class BigQueryError extends ApiError {
  readonly proto: ErrorProto;

  constructor(reason: Reason, message: string, location?: string) {
    const [code, status] = REASONS[reason];
    const at = location === undefined ? {} : { location, locationType: 'parameter' };
    const body = {
      error: { code, message, errors: [{ message, domain: 'global', reason, ...at }], status },
    };
    super(code, message, body);
    this.proto = { reason, ...(location === undefined ? {} : { location }), message };
  }
}

/** The answer for a job that failed: `jobs.query` and `jobs.getQueryResults` report its error with an HTTP code. */
export const errorOfJob = ({ reason, message, location }: ErrorProto): BigQueryError =>
  new BigQueryError(Object.hasOwn(REASONS, reason) ? (reason as Reason) : 'jobInternalError', message, location);

/** For features of the real BigQuery that this one lacks. */
export const notImplemented = (what: string): BigQueryError =>
  new BigQueryError('notImplemented', `Not implemented by the local BigQuery: ${what}.`);

export const invalidQuery = (message: string): BigQueryError => new BigQueryError('invalidQuery', message, 'query');
