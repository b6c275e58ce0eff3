import type { Bearer } from '../../bearer.ts';
import { CourierError } from '../../errors.ts';
import type { GoogleResponse } from '../../google/transport.ts';
import { parseGoogleError } from '../../text/google/google-error.ts';

/** Google's name for what is wrong: `accessDenied`, `invalidQuery`, `notFound`, … */
export const reasonOf = ({ body }: Pick<GoogleResponse, 'body'>): string | undefined => {
  const { reasons = [], detailReasons = [] } = parseGoogleError(body) ?? {};
  return [...reasons, ...detailReasons][0];
};

/** Transient errors: https://cloud.google.com/bigquery/docs/error-messages. */
const TRANSIENT = new Set([
  'backendError',
  'internalError',
  'jobBackendError',
  'jobInternalError',
  'jobRateLimitExceeded',
  'quotaExceeded',
  'rateLimitExceeded',
  'tableUnavailable',
]);

const FORBIDDEN = new Set(['accessDenied', 'insufficientPermissions', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT', 'forbidden']);
const DISABLED = new Set(['accessNotConfigured', 'SERVICE_DISABLED']);

/** What a failed query means for its caller and its operator. Google's own message may contain data, so it is not passed on. */
export const queryError = (
  query: string,
  reason: string | undefined,
  { status, account }: { status?: number; account?: Bearer['account'] } = {},
): CourierError => {
  const why = reason === undefined ? '' : ` with the reason "${reason}"`;
  if (reason !== undefined && DISABLED.has(reason)) {
    return new CourierError('query-forbidden', {
      reason,
      detail: "The BigQuery API is disabled in the courier's project.",
      remedy: 'Run "gcloud services enable bigquery.googleapis.com" in the courier\'s project.',
    });
  }
  if ((reason !== undefined && FORBIDDEN.has(reason)) || status === 401 || (reason === undefined && status === 403))
    return new CourierError('query-forbidden', {
      reason,
      detail: `The courier has no permission to run the query "${query}".`,
      facts: { courier: account?.() },
    });
  const isTransient = reason !== undefined && TRANSIENT.has(reason);
  if (isTransient || status === 429 || (status !== undefined && status >= 500))
    return new CourierError('google-unavailable', {
      reason,
      detail: `BigQuery could not run the query "${query}"${why}.`,
    });
  if (reason === 'bytesBilledLimitExceeded') {
    return new CourierError('query-failed', {
      reason,
      detail: `The query "${query}" would be billed for more bytes than its "maximumBytesBilled".`,
      remedy: 'Let the query read less, or raise its "maximumBytesBilled" in the configuration.',
    });
  }
  if (reason === 'notFound') {
    return new CourierError('query-failed', {
      reason,
      detail: `A table or dataset of the query "${query}" does not exist in the query's location.`,
      remedy: 'Correct the SQL, or set the "location" of the query to that of its datasets.',
    });
  }
  return new CourierError('query-failed', { reason, detail: `BigQuery could not run the query "${query}"${why}.` });
};

/** The same answer for a query that does not exist, and for one that the caller may not run for this destination. */
export const queryNotFound = (query: string): CourierError =>
  new CourierError('query-not-found', { detail: `There is no query ${JSON.stringify(query)} for this destination.` });
