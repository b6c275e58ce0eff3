/** What a code of the contract means: its HTTP status, whether the same request may work later, and what to do. */
interface ErrorKind {
  status: number;
  /** True when the same request may succeed later without anybody changing anything. */
  retryable: boolean;
  title: string;
  /** One sentence that a person can act on. `{word}` takes the error's `facts.word`. */
  remedy: string;
}

const callers = (status: number, title: string, remedy: string): ErrorKind => ({
  status,
  retryable: false,
  title,
  remedy,
});
const setup = (title: string, remedy: string): ErrorKind => ({ status: 502, retryable: false, title, remedy });
const passing = (status: number, title: string, remedy: string): ErrorKind => ({
  status,
  retryable: true,
  title,
  remedy,
});

/** Every error that the courier answers. The problem answers, docs/errors.md, the OpenAPI document and the Pub/Sub acknowledgement follow this table. */
export const ERRORS = {
  'request-invalid': callers(
    400,
    'The request is not of the form the courier takes',
    'Correct what the detail names; GET /openapi.json says what is expected.',
  ),
  'name-invalid': callers(
    400,
    'The file name cannot be used',
    'Give a name of 1 to 255 characters without control characters, "/" or "\\".',
  ),
  'path-invalid': callers(
    400,
    'The path cannot be used',
    'Give folder names separated by "/", each of 1 to 255 characters, none of them "." or "..".',
  ),
  'digest-malformed': callers(
    400,
    'The Content-Digest header cannot be read',
    'Send Content-Digest as RFC 9530 says, e.g. "sha-256=:BASE64:", or leave it out.',
  ),
  'range-unsupported': callers(
    400,
    'Parts of a file are not supported',
    'Send the whole file, or resume it through an upload session (POST /v1/uploads).',
  ),
  'body-truncated': callers(400, 'The body ended before it was complete', 'Send the file again; nothing was stored.'),
  'token-missing': callers(
    401,
    'No ID token was sent',
    'Send "Authorization: Bearer <Google ID token>" with this service\'s URL as its audience.',
  ),
  'token-invalid': callers(
    401,
    'The ID token is not valid',
    'Get a new Google ID token for this service\'s URL, for example with "courier token" or "gcloud auth print-identity-token".',
  ),
  'token-expired': callers(401, 'The ID token has expired', "Get a new ID token and check this machine's clock."),
  'token-audience': callers(
    401,
    'The ID token was made for another service',
    'Ask for an ID token whose audience is this service\'s URL, as the operator configured it under "audiences".',
  ),
  'caller-not-allowed': callers(
    403,
    'This caller may not do this',
    'Ask the operator to add this identity to "callers" of a destination (or to "operators" for the doctor).',
  ),
  'destination-forbidden': callers(
    403,
    'This caller may not write to that destination',
    'Use a destination that GET /v1/destinations lists, or ask the operator to add this identity to its "callers".',
  ),
  'not-found': callers(404, 'There is nothing at this address', 'Use one of the routes that GET /openapi.json lists.'),
  'method-not-allowed': callers(
    405,
    'This address does not take that method',
    'Use the method that the Allow header names.',
  ),
  'length-required': callers(
    411,
    'The length of the body must be said',
    'Send a Content-Length header, or use an upload session (POST /v1/uploads).',
  ),
  'too-large': callers(
    413,
    'The file is larger than this way takes',
    'Send it through an upload session (POST /v1/uploads, or "courier send"), or ask the operator to raise the limit that the detail names.',
  ),
  'media-type-unsupported': callers(
    415,
    'The Content-Type cannot be taken here',
    'Send the Content-Type that GET /openapi.json lists for this route.',
  ),
  'name-taken': callers(
    409,
    'A file of this name is already there',
    'Send another name, or onConflict=new, replace or skip.',
  ),
  'upload-incomplete': callers(
    409,
    'The upload session has not received the whole file yet',
    'Send the missing bytes to the upload URL, then complete again.',
  ),
  'digest-mismatch': callers(
    422,
    'The bytes that arrived are not the bytes that were announced',
    'Send the file again; nothing was kept.',
  ),
  'idempotency-key-reused': callers(
    422,
    'This Idempotency-Key was already used for something else',
    'Send a new Idempotency-Key with a new file, and the same key only with the same file.',
  ),
  'conversion-refused': callers(
    422,
    'Drive does not convert this file',
    'Send it without convertTo, or in a media type and size that Drive converts.',
  ),
  busy: passing(
    429,
    'This instance has all the work it can hold',
    'Try again after the time in Retry-After, or let the service scale out.',
  ),
  'drive-rate-limited': passing(
    429,
    'Drive asks to slow down',
    'Try again after the time in Retry-After; if it stays, raise the Drive API quota or spread the load over several accounts.',
  ),
  'folder-not-found': setup(
    "The destination's folder is missing or not shared",
    'Share the folder with {account} as Content manager (or Editor), or correct its id in the configuration.',
  ),
  'folder-not-writable': setup(
    "The destination's folder may be read but not written",
    'Give {account} the role Content manager (or Editor) on the folder.',
  ),
  'folder-invalid': setup(
    "The destination's folder is not a usable folder",
    "Set the destination to the id at the end of the folder's address, https://drive.google.com/drive/folders/ID.",
  ),
  'folder-limited': setup(
    'The folder has limited access, and the account may not open it',
    'Add {account} to the folder itself as Content manager (or Editor): access that is inherited from above does not open a folder with limited access.',
  ),
  'folder-too-deep': setup(
    'The folder is nested too deeply',
    'Use a destination or a path with fewer levels: Drive allows 100 levels of folders.',
  ),
  'policy-forbidden': setup(
    'A policy of the organization forbids it',
    'Ask the administrator of the Google Workspace domain to allow it for {account}, or choose another destination or account.',
  ),
  'drive-refused': setup(
    'Drive refused the request for a reason that the courier does not know',
    "Look up the reason in Google's documentation (https://developers.google.com/workspace/drive/api/guides/handle-errors), and report it with the requestId.",
  ),
  'scope-insufficient': setup(
    'The credentials lack the Drive scope',
    'Use "secret", "file" or "impersonate" credentials with the scope https://www.googleapis.com/auth/drive: this platform\'s own tokens do not carry it.',
  ),
  'no-storage-quota': setup(
    'A service account owns no storage in My Drive',
    'Put the folder on a shared drive, or set "subject" (domain-wide delegation), or use a person\'s OAuth credentials.',
  ),
  'drive-full': setup(
    'The Drive is full',
    'Free storage, buy more, or point the destination to another drive; a shared drive also has a limit of items.',
  ),
  'drive-api-disabled': setup(
    'The Drive API is off in the project of the credentials',
    'Run "gcloud services enable drive.googleapis.com" in the project that owns {account}.',
  ),
  'key-invalid': setup(
    'The credentials cannot be used',
    'Store a complete Google credentials file (JSON, as Google made it) in the secret or the file.',
  ),
  'key-revoked': setup(
    'Google does not take the key any more',
    'Make a new key for {account} and add it as a new version of the secret.',
  ),
  'secret-not-found': setup(
    'The secret or its version does not exist, or is disabled',
    'Create or enable {secret}, or correct its name in the configuration.',
  ),
  'secret-forbidden': setup(
    'The courier may not read the secret',
    "Grant the courier's service account roles/secretmanager.secretAccessor on {secret}.",
  ),
  'secret-corrupt': setup(
    'The secret arrived damaged',
    'Add the key again as a new version of {secret}; its checksum does not fit its content.',
  ),
  'delegation-refused': setup(
    'Google refuses to act for that subject',
    "Allow the client id of {account} with the Drive scope under Admin console > Security > API controls > Domain-wide delegation, and check the subject's address.",
  ),
  'impersonation-refused': setup(
    'The courier may not act as that service account',
    "Grant the courier's identity roles/iam.serviceAccountTokenCreator on {account}.",
  ),
  'source-not-found': setup(
    'The object to export does not exist',
    'Check the bucket, the object and its generation, and that the operator lists the object\'s folder under "sources" of the destination or the subscription.',
  ),
  'source-forbidden': setup(
    'The courier may not read the object to export',
    "Grant the courier's service account roles/storage.objectViewer on the bucket.",
  ),
  'drive-unavailable': passing(
    503,
    'Drive does not answer as it should',
    'Try again after the time in Retry-After; a delivery with the same Idempotency-Key is not doubled.',
  ),
  'google-unavailable': passing(
    503,
    'A Google service that the courier needs does not answer',
    'Try again after the time in Retry-After; a delivery with the same Idempotency-Key is not doubled.',
  ),
  'shutting-down': passing(503, 'This instance is stopping', 'Try again; another instance will take it.'),
  internal: callers(
    500,
    'Something is wrong in the courier itself',
    'Report it with the requestId; the log has the cause.',
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

interface ErrorDetails {
  /** What was wrong with the caller's own input. It goes on the wire: no secrets, no Google payload. */
  detail?: string;
  /** A remedy that fits this case better than the table's. */
  remedy?: string;
  /** Words for the remedy's placeholders, and what else is known: `account`, `secret`, `folder`. */
  facts?: Readonly<Record<string, string | undefined>>;
  /** Google's own word for what is wrong: `domainPolicy`, `incompleteSearch`. */
  reason?: string | undefined;
  /** Seconds the other side asked to wait. */
  retryAfterSeconds?: number;
  /** For the log only. */
  cause?: unknown;
}

const withFacts = (remedy: string, facts: NonNullable<ErrorDetails['facts']>): string =>
  remedy.replace(
    /\{(\w+)\}/g,
    (_, word: string) => facts[word] ?? (word === 'secret' ? 'the secret' : "the courier's account"),
  );

/** Where the language's own objects are frozen (`--frozen-intrinsics`), stacks are as long as they are. */
const canLimitStacks = (): boolean => Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true;

/** A failure that the contract has a code for. `message` is for the log; the wire gets the table's words and `detail`. */
export class CourierError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
  readonly remedy: string;
  readonly detail: string | undefined;
  /** Google's own word for what is wrong, where it gave one. */
  readonly reason: string | undefined;
  readonly facts: Readonly<Record<string, string | undefined>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, { detail, remedy, facts = {}, reason, retryAfterSeconds, cause }: ErrorDetails = {}) {
    const kind = ERRORS[code];
    const { stackTraceLimit } = Error;
    // What a caller did wrong is an answer and no fault of the courier's: its stack tells nothing, and takes longer to gather
    // than a forged token takes to read.
    const isAnswer = kind.status < 500 && canLimitStacks();
    if (isAnswer) Error.stackTraceLimit = 0;
    try {
      super(detail === undefined ? `${code}: ${kind.title}` : `${code}: ${detail}`, { cause });
    } finally {
      if (isAnswer) Error.stackTraceLimit = stackTraceLimit;
    }
    this.name = 'CourierError';
    this.code = code;
    this.status = kind.status;
    this.retryable = kind.retryable;
    this.title = kind.title;
    this.remedy = withFacts(remedy ?? kind.remedy, facts);
    this.detail = detail;
    this.reason = reason;
    this.facts = facts;
    this.retryAfterSeconds = kind.retryable ? (retryAfterSeconds ?? 5) : undefined;
  }
}

/** Anything thrown, as a CourierError: what is not one already is `internal`, its cause kept for the log. */
export const asCourierError = (thrown: unknown): CourierError =>
  thrown instanceof CourierError ? thrown : new CourierError('internal', { cause: thrown });

/**
 * Whether a message that failed so is given up, since it would fail each time, or is delivered again. What is wrong with
 * the message itself has a status below 500; set-up faults and transient ones are somebody else's, and Pub/Sub's own
 * dead-letter policy counts them. Where the sender left or the time was up, the error says nothing of the message.
 */
export const isPermanent = (
  { status, retryable, code }: CourierError,
  { aborted }: Pick<AbortSignal, 'aborted'>,
): boolean =>
  // A message arrives whole, so bytes that end early are never its own fault.
  !aborted && status < 500 && !retryable && code !== 'body-truncated';

/** Why a signal has ended the work: its own reason where that is a CourierError, else that the request was given up. */
export const abortReason = ({ reason }: Pick<AbortSignal, 'reason'>): CourierError =>
  reason instanceof CourierError
    ? reason
    : new CourierError('drive-unavailable', { detail: 'The request was given up.', cause: reason });
