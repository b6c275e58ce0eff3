import type { ErrorCode } from '../errors.ts';
import { isError } from './realms.ts';

interface Failure {
  title: string;
  remedy: string;
  /** True when the same call may succeed later without any change. */
  retryable?: boolean;
  exitCode?: ExitCode;
}

/** Widens an entry of the table, so that the published types list the codes and not the wording. */
const entry = (failure: Failure): Failure => failure;

/** Failures on the caller's side. Errors that the courier answers have their own code, title and remedy. */
const FAILURES = {
  usage: entry({
    title: 'The command or call is invalid',
    remedy: 'Correct what the detail names. "courier help" lists commands and options.',
    exitCode: 64,
  }),
  'file-unreadable': entry({
    title: 'The file cannot be read',
    remedy: 'Check the path, and that the current user may read the file.',
  }),
  'file-unwritable': entry({
    title: 'The file cannot be written',
    remedy: 'Choose a path in an existing folder that the current user may write to.',
  }),
  'file-changed': entry({
    title: 'The file changed while it was being sent',
    remedy: 'Send it again once nothing writes to it. Nothing was delivered.',
    retryable: true,
  }),
  'path-taken': entry({
    title: 'Another file of this run has the same path in Drive',
    remedy: 'Rename one of the files, or send them to different folders.',
  }),
  'files-failed': entry({
    title: 'Some files were not delivered',
    remedy: 'Run the same command again. Files that were delivered are not sent twice.',
  }),
  'identity-not-found': entry({
    title: 'No Google credentials were found',
    remedy:
      'Pass a key file (--key-file or GOOGLE_APPLICATION_CREDENTIALS), run on Google Cloud with a service account attached, or sign in with "gcloud auth login".',
  }),
  'identity-unusable': entry({
    title: 'The credentials that were found are not usable',
    remedy: 'Use a complete, unchanged credentials file from Google.',
  }),
  'identity-cannot-mint': entry({
    title: 'These credentials cannot get an ID token for the courier',
    remedy:
      'Pass --impersonate EMAIL with a service account on which this identity has roles/iam.serviceAccountOpenIdTokenCreator.',
  }),
  'identity-refused': entry({
    title: 'Google rejected the credentials',
    remedy: 'Check that the account and its key exist and are enabled.',
  }),
  'login-refused': entry({
    title: 'Consent was not given',
    remedy: 'Run "courier login" again and accept on the page that opens.',
  }),
  'secret-refused': entry({
    title: 'Secret Manager rejected the new version',
    remedy: 'Grant this identity roles/secretmanager.secretVersionAdder on the secret.',
  }),
  'google-unreachable': entry({
    title: 'Google cannot be reached to get a token',
    remedy: 'Check the network and try again.',
    retryable: true,
  }),
  'courier-unreachable': entry({
    title: 'The courier cannot be reached',
    remedy: 'Check the URL (--url or COURIER_URL) and the network, then try again.',
    retryable: true,
  }),
  'platform-busy': entry({
    title: 'The platform in front of the courier is unavailable',
    remedy: 'Try again later.',
    retryable: true,
  }),
  'platform-refused': entry({
    title: 'The platform in front of the courier rejected the caller',
    remedy: 'Ask the operator to grant this identity roles/run.invoker on the service.',
  }),
  'not-a-courier': entry({
    title: 'The server that answered is not a courier',
    remedy: 'Check the URL (--url or COURIER_URL). It is the URL of the service, without a path.',
  }),
  'body-too-large': entry({
    title: 'The platform in front of the courier rejected a body of this size',
    remedy: 'Save the data to a file and send the file. Large files use an upload session.',
  }),
  'upload-refused': entry({
    title: 'Drive rejected the bytes of the upload session',
    remedy: 'Send the file again. If this persists, ask the operator to run "courier doctor".',
  }),
  'upload-interrupted': entry({
    title: 'The upload was interrupted too many times',
    remedy: 'Run the same command again to resume the upload.',
    retryable: true,
  }),
  'receipt-mismatch': entry({
    title: 'The receipt does not match the bytes that were sent',
    remedy: 'Send the file again, and report this to the operator.',
  }),
  stopped: entry({
    title: 'Stopped before the file was delivered',
    remedy: 'Run the same command again to resume. Large files continue where they stopped.',
    retryable: true,
  }),
};

/** Codes of failures on the caller's side. */
export type ClientErrorCode = keyof typeof FAILURES;

/**
 * Exit code of the command line: 1 failed, trying again won't help; 64 wrong usage; 75 try again later; 130 stopped by
 * Ctrl-C. A delivered file is 0. (64 and 75 are EX_USAGE and EX_TEMPFAIL of sysexits.h.)
 */
export type ExitCode = 1 | 64 | 75 | 130;

interface ErrorFields {
  code: string;
  title: string;
  detail?: string | undefined;
  remedy: string;
  retryable: boolean;
  exitCode?: ExitCode | undefined;
  status?: number | undefined;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
  idempotencyKey?: string | undefined;
  failures?: readonly FileFailure[] | undefined;
  cause?: unknown;
}

/** A file that was not delivered. */
export interface FileFailure {
  /** Path of the file as it was found. */
  file: string;
  /** Why it was not delivered. */
  error: CourierClientError;
}

/**
 * Every failure of the client: an error that the courier answered, or one on the caller's side. It never contains a token,
 * a key, or the URL of an upload session.
 */
export class CourierClientError extends Error {
  /** Stable code to match on: one of the courier's (docs/errors.md) or one of the client's. */
  readonly code: ErrorCode | ClientErrorCode | (string & {});
  /** What went wrong, the same for every error with this code. */
  readonly title: string;
  /** Details of this call, if they add something to the title. */
  readonly detail: string | undefined;
  /** What to do about it, in one or two sentences. */
  readonly remedy: string;
  /** True when the same call may succeed later without any change. */
  readonly retryable: boolean;
  /** Exit code that the command line uses for this error. */
  readonly exitCode: ExitCode;
  /** HTTP status, if an HTTP response caused the error. */
  readonly status: number | undefined;
  /** ID of the request in the courier's log. */
  readonly requestId: string | undefined;
  /** How long the server asks to wait before another attempt, in seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** Idempotency key of a delivery that can be retried. Retrying with this key won't create a duplicate. */
  readonly idempotencyKey: string | undefined;
  /** The files that `sendAll` did not deliver. Other methods have none. */
  readonly failures: readonly FileFailure[];

  /** @internal */
  constructor(fields: ErrorFields) {
    super(`${fields.code}: ${fields.detail ?? fields.title}`, { cause: fields.cause });
    this.name = 'CourierClientError';
    this.code = fields.code;
    this.title = fields.title;
    this.detail = fields.detail;
    this.remedy = fields.remedy;
    this.retryable = fields.retryable;
    this.exitCode = fields.exitCode ?? (fields.retryable ? 75 : 1);
    this.status = fields.status;
    this.requestId = fields.requestId;
    this.retryAfterSeconds = fields.retryAfterSeconds;
    this.idempotencyKey = fields.idempotencyKey;
    this.failures = fields.failures ?? [];
  }

  /** The error as `courier --json` prints it: `{error: {code, title, detail, remedy, retryable, exitCode, …}}`. */
  toJSON(): Record<string, unknown> {
    const { code, title, detail, remedy, retryable, exitCode, status, requestId, idempotencyKey } = this;
    return { error: { code, title, detail, remedy, retryable, exitCode, status, requestId, idempotencyKey } };
  }
}

type Specifics = Partial<Omit<ErrorFields, 'code' | 'title' | 'remedy'>> & { remedy?: string | undefined };

/** An error from the client's own table; `specifics` override the table. */
export const failure = (code: ClientErrorCode, specifics: Specifics = {}): CourierClientError => {
  const { title, remedy, retryable = false, exitCode }: Failure = FAILURES[code];
  return new CourierClientError({ code, title, retryable, exitCode, ...specifics, remedy: specifics.remedy ?? remedy });
};

/** The error itself, or `stopped` if the caller's signal ended the work. */
export const orStopped = (thrown: unknown, signal: AbortSignal | undefined): unknown => {
  const isStopped = thrown instanceof CourierClientError && thrown.code === 'stopped';
  return signal?.aborted && !isStopped ? failure('stopped', { cause: thrown }) : thrown;
};

/**
 * Adds the idempotency key to an error that can be retried; a key that is already there stays. A file that changed gets none:
 * it has other bytes now, which need a new key.
 */
export const withKey = (thrown: unknown, idempotencyKey: string): unknown => {
  if (!(thrown instanceof CourierClientError) || !thrown.retryable || thrown.code === 'file-changed') return thrown;
  if (thrown.idempotencyKey !== undefined) return thrown;
  return new CourierClientError({ ...thrown, idempotencyKey, cause: thrown.cause });
};

/** Converts anything thrown to the client's error. Any other kind of error is a bug in the client. */
export const asClientError = (thrown: unknown): CourierClientError =>
  thrown instanceof CourierClientError
    ? thrown
    : new CourierClientError({
        code: 'internal',
        title: 'Internal error of the client',
        detail: isError(thrown) ? thrown.message : String(thrown),
        remedy: 'Report it together with the command that was run.',
        retryable: false,
        cause: thrown,
      });
