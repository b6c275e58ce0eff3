/** An error code's HTTP status, whether the same request may succeed later, and the prose that people read. */
interface ErrorKind {
  status: number;
  /** True when the same request may succeed later although nobody changes anything. */
  retryable: boolean;
  title: string;
  /** What to do, in one or two sentences. `{account}` and `{secret}` are replaced by the error's facts of that name. */
  remedy: string;
}

const callerError = (status: number, title: string, remedy: string): ErrorKind => ({
  status,
  retryable: false,
  title,
  remedy,
});
const setupError = (title: string, remedy: string): ErrorKind => ({ status: 502, retryable: false, title, remedy });
const transientError = (status: number, title: string, remedy: string): ErrorKind => ({
  status,
  retryable: true,
  title,
  remedy,
});

/**
 * Every error code that the courier can answer. Problem answers, docs/errors.md, the OpenAPI document and the decision
 * whether to acknowledge a Pub/Sub message are all derived from this table.
 */
export const ERRORS = {
  'request-invalid': callerError(
    400,
    'The request is malformed',
    'Correct what the detail names. GET /openapi.json describes the expected request.',
  ),
  'name-invalid': callerError(
    400,
    'The file name is invalid',
    'Use a name of 1 to 255 characters, other than "." and "..", without control characters, "/" or "\\".',
  ),
  'path-invalid': callerError(
    400,
    'The path is invalid',
    'Use folder names separated by "/", each of 1 to 255 characters and none of them "." or "..".',
  ),
  'digest-malformed': callerError(
    400,
    'The digest header is malformed',
    'Send Content-Digest as defined in RFC 9530, for example "sha-256=:BASE64:", or leave it out.',
  ),
  'range-unsupported': callerError(
    400,
    'Sending part of a file is not supported',
    'Send the whole file, or resume it through an upload session (POST /v1/uploads).',
  ),
  'body-truncated': callerError(400, 'The request body is incomplete', 'Send the file again. Nothing was stored.'),
  'token-missing': callerError(
    401,
    'The ID token is missing',
    'Send "Authorization: Bearer ID_TOKEN" with a Google ID token whose audience is this service\'s URL.',
  ),
  'token-invalid': callerError(
    401,
    'The ID token is invalid',
    'Get a new Google ID token whose audience is this service\'s URL, for example with "courier token" or "gcloud auth print-identity-token".',
  ),
  'token-expired': callerError(
    401,
    'The ID token has expired',
    'Get a new ID token, and check the clock of the machine that sends the request.',
  ),
  'token-audience': callerError(
    401,
    'The ID token has the wrong audience',
    'Get an ID token with one of the audiences that the operator configured under "audiences", usually the URL of this service.',
  ),
  'caller-not-allowed': callerError(
    403,
    'The caller is not authorized',
    'Ask the operator to add this identity to the "callers" of a destination, or to "operators" for the doctor.',
  ),
  'destination-forbidden': callerError(
    403,
    'The caller is not authorized to write to this destination',
    'Use a destination that GET /v1/destinations lists, or ask the operator to add this identity to its "callers".',
  ),
  'query-not-found': callerError(
    404,
    'The query does not exist',
    'Use the name of a query that the operator has configured for this caller and this destination.',
  ),
  'not-found': callerError(404, 'The route does not exist', 'Use one of the routes that GET /openapi.json lists.'),
  'method-not-allowed': callerError(
    405,
    'The route does not support this method',
    'Use one of the methods in the Allow header.',
  ),
  'length-required': callerError(
    411,
    'Content-Length is required',
    'Send a Content-Length header, or use an upload session (POST /v1/uploads).',
  ),
  'too-large': callerError(
    413,
    "The file exceeds this endpoint's limit",
    'Send the file through an upload session (POST /v1/uploads, or "courier send"), or ask the operator to raise the limit that the detail names.',
  ),
  'media-type-unsupported': callerError(
    415,
    'The media type is not supported',
    'Use a Content-Type that GET /openapi.json lists for this route.',
  ),
  'name-taken': callerError(
    409,
    'A file with this name already exists',
    'Use another name, or set onConflict to new, replace or skip.',
  ),
  'upload-incomplete': callerError(
    409,
    'The upload session is incomplete',
    'Send the missing bytes to the upload URL, then complete the session again.',
  ),
  'digest-mismatch': callerError(
    422,
    'The digest does not match the bytes received',
    'Send the file again. Nothing was stored.',
  ),
  'idempotency-key-reused': callerError(
    422,
    'The Idempotency-Key was already used for another file',
    'Use a new Idempotency-Key for each new file. Repeat a key only to retry the same file with the same options.',
  ),
  'conversion-refused': callerError(
    422,
    'Drive cannot convert this file',
    'Send the file without convertTo, or in a format and size that Drive can convert.',
  ),
  busy: transientError(
    429,
    'The instance is at capacity',
    'Retry after the time in Retry-After. If this happens often, raise the number of instances that the service may scale to.',
  ),
  'caller-over-quota': transientError(
    429,
    'The caller has reached its limit',
    'Retry after the time in Retry-After. RateLimit shows what is left; ask the operator if you need a higher limit.',
  ),
  'drive-rate-limited': transientError(
    429,
    'The rate limit of the Drive API is exceeded',
    'Retry after the time in Retry-After. If this happens often, raise the Drive API quota or spread the load over several accounts.',
  ),
  'folder-not-found': setupError(
    "The destination's folder does not exist or is not shared with the account",
    'Share the folder with {account} as Content manager (or Editor), or correct its id in the configuration.',
  ),
  'folder-not-writable': setupError(
    "The account can read the destination's folder but not write to it",
    'On the folder, grant {account} the role Content manager (or Editor).',
  ),
  'folder-invalid': setupError(
    "The destination's folder id is not that of a folder",
    "Set the destination to the id at the end of the folder's address, https://drive.google.com/drive/folders/ID.",
  ),
  'folder-limited': setupError(
    'The folder has limited access, and the account cannot open it',
    'Add {account} to the folder itself as Content manager (or Editor). Access inherited from a parent folder does not apply to a folder with limited access.',
  ),
  'folder-too-deep': setupError(
    'The folder is nested too deeply',
    'Use a destination or a path with fewer levels. Drive allows 100 levels of folders.',
  ),
  'policy-forbidden': setupError(
    'A policy of the organization forbids this',
    'Ask the administrator of the Google Workspace domain to allow this for {account}, or use another destination or account.',
  ),
  'label-refused': setupError(
    'Drive rejected a label of the destination',
    'Check the ids of the label, its fields and choices in "labels" of the configuration, that the label is published, and that {account} may apply it.',
  ),
  'drive-refused': setupError(
    'Drive rejected the request for an unknown reason',
    "Look up the reason in Google's documentation (https://developers.google.com/workspace/drive/api/guides/handle-errors), and report it with the requestId.",
  ),
  'scope-insufficient': setupError(
    'The credentials lack the Drive scope',
    'Use "secret", "file" or "impersonate" credentials with the scope https://www.googleapis.com/auth/drive. The tokens that this platform issues lack it.',
  ),
  'no-storage-quota': setupError(
    'The service account has no storage quota in My Drive',
    'Use a folder in a shared drive, set "subject" (domain-wide delegation), or use the OAuth credentials of a person.',
  ),
  'drive-full': setupError(
    'The storage of the drive is full',
    'Free storage, buy more, or point the destination to another drive. A shared drive also has a limit on the number of items.',
  ),
  'upload-limit-reached': setupError(
    'The account has reached the daily upload limit of Drive',
    'Drive accepts 750 GB a day from one account. Retry tomorrow, or let the destination use another account. Other programs may also use {account}.',
  ),
  'drive-api-disabled': setupError(
    'The Drive API is disabled in the project of the credentials',
    'Run "gcloud services enable drive.googleapis.com" in the project that owns {account}.',
  ),
  'key-invalid': setupError(
    'The credentials are invalid',
    'Store a complete Google credentials file (JSON, unchanged) in the secret or the file.',
  ),
  'key-revoked': setupError(
    'Google rejected the key',
    'Create a new key for {account} and add it as a new version of the secret.',
  ),
  'secret-not-found': setupError(
    'The secret or its version does not exist, or is disabled',
    'Create or enable {secret}, or correct its name in the configuration.',
  ),
  'secret-forbidden': setupError(
    'The courier has no permission to read the secret',
    'Grant {courier} roles/secretmanager.secretAccessor on {secret}.',
  ),
  'secret-corrupt': setupError(
    "The secret's checksum does not match",
    'Add the key again as a new version of {secret}.',
  ),
  'delegation-refused': setupError(
    'Google rejected the delegation to the subject',
    "In the Admin console, under Security > API controls > Domain-wide delegation, add the client ID of {account} with the Drive scope. Also check the subject's address.",
  ),
  'impersonation-refused': setupError(
    'The courier has no permission to impersonate the service account',
    'Grant {courier} roles/iam.serviceAccountTokenCreator on {account}.',
  ),
  'query-failed': setupError(
    'BigQuery could not run the query',
    'Run the query in the BigQuery console with the same parameters, and correct its SQL or its settings in the configuration.',
  ),
  'query-forbidden': setupError(
    'The courier has no permission to run the query',
    'Grant {courier} roles/bigquery.jobUser on the project of the query, and roles/bigquery.dataViewer on its datasets.',
  ),
  'source-not-found': setupError(
    'The source object does not exist or is not allowed',
    'Check the bucket, the object and its generation, and ask the operator to list the object\'s folder under "sources" of the destination or the subscription.',
  ),
  'source-forbidden': setupError(
    'The courier has no permission to read the source object',
    'Grant {courier} roles/storage.objectViewer on {bucket}.',
  ),
  'sheet-full': setupError(
    'The spreadsheet has no room for the rows',
    'Delete rows, columns or tabs that are not needed, also empty ones, or use another sheet. A spreadsheet has at most 10,000,000 cells, empty ones included.',
  ),
  'sheet-shape': setupError(
    'Rows cannot be put into this tab as it is',
    'Give the tab a first row with one name for each column, all different and not merged, or use another tab.',
  ),
  'drive-unavailable': transientError(
    503,
    'Drive is unavailable',
    "Retry after the time in Retry-After. Retrying with the same Idempotency-Key won't create a duplicate.",
  ),
  'google-unavailable': transientError(
    503,
    'A Google service that the courier depends on is unavailable',
    "Retry after the time in Retry-After. Retrying with the same Idempotency-Key won't create a duplicate.",
  ),
  'shutting-down': transientError(
    503,
    'The instance is shutting down',
    'Retry. Another instance will handle the request.',
  ),
  internal: callerError(
    500,
    'Internal error',
    'Report the problem to the operator with the requestId. The log has the cause.',
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
