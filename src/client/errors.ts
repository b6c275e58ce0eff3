import type { ErrorCode } from '../errors.ts';

interface Failure {
  title: string;
  remedy: string;
  /** True when the same command may succeed later without anybody changing anything. */
  retryable?: true;
  /** True when the command itself was wrong. */
  usage?: true;
}

/** What can go wrong on the caller's own side; what the courier answers brings its own code, title and remedy. */
const FAILURES = {
  usage: {
    title: 'The command or the call is not of the form the client takes',
    remedy: 'Correct what the detail names; "courier help" says what is expected.',
    usage: true,
  },
  'file-unreadable': {
    title: 'The file cannot be read',
    remedy: 'Check its path, and that this user may read it.',
  },
  'file-unwritable': {
    title: 'The file cannot be written',
    remedy: 'Give another path, in a folder that exists and that this user may write to.',
  },
  'file-changed': {
    title: 'The file changed while it was being sent',
    remedy: 'Send it again once nobody writes to it; nothing was delivered.',
    retryable: true,
  },
  'identity-not-found': {
    title: 'No identity was found that can prove who is calling',
    remedy:
      'Give a key file (--key-file or GOOGLE_APPLICATION_CREDENTIALS), run where there is a metadata server, or sign in with "gcloud auth login".',
  },
  'identity-unusable': {
    title: 'The identity that was found cannot be used',
    remedy: 'Give a complete credentials file as Google made it.',
  },
  'identity-cannot-mint': {
    title: 'This kind of identity cannot get an ID token for the courier',
    remedy:
      'Name a service account that it may act as: --impersonate EMAIL, with roles/iam.serviceAccountOpenIdTokenCreator granted on that account to this identity.',
  },
  'identity-refused': {
    title: 'Google refuses this identity',
    remedy: 'Check that the account and its key still exist and are enabled.',
  },
  'login-refused': {
    title: 'There is no consent to keep',
    remedy: 'Run "courier login" again, and agree on the page that it names.',
  },
  'secret-refused': {
    title: 'Secret Manager does not take the new version',
    remedy: 'Grant this identity roles/secretmanager.secretVersionAdder on the secret.',
  },
  'google-unreachable': {
    title: 'Google cannot be reached to get a token',
    remedy: 'Check the network and try again.',
    retryable: true,
  },
  'courier-unreachable': {
    title: 'The courier cannot be reached',
    remedy: 'Check the address (--url or COURIER_URL) and the network, then try again.',
    retryable: true,
  },
  'platform-busy': {
    title: 'The platform in front of the courier does not answer as it should',
    remedy: 'Try again later.',
    retryable: true,
  },
  'platform-refused': {
    title: 'The platform in front of the courier refuses this caller',
    remedy: 'Ask the operator to grant this identity roles/run.invoker on the service.',
  },
  'not-a-courier': {
    title: 'What answered is not a courier',
    remedy: 'Check the address (--url or COURIER_URL): it is the service itself, without a path.',
  },
  'body-too-large': {
    title: 'The platform in front of the courier does not take a body of this size',
    remedy: 'Save it to a file and send the file: large files go by an upload session.',
  },
  'upload-refused': {
    title: 'Drive does not take the bytes of this upload session',
    remedy: 'Send the file again; if it stays, ask the operator to run "courier doctor".',
  },
  'upload-interrupted': {
    title: 'The upload was cut too often',
    remedy: 'Run the same command again: it goes on where it stopped.',
    retryable: true,
  },
  'receipt-mismatch': {
    title: 'The receipt is not for the bytes that were sent',
    remedy: 'Send the file again, and report it to the operator.',
  },
  stopped: {
    title: 'Stopped before the file was delivered',
    remedy: 'Run the same command again: a large file goes on where it stopped.',
    retryable: true,
  },
} as const satisfies Record<string, Failure>;

export type ClientErrorCode = keyof typeof FAILURES;

/** 0 delivered, 1 failed for good, 75 worth trying again, 64 wrong usage (sysexits.h's EX_TEMPFAIL and EX_USAGE). */
export type ExitCode = 1 | 64 | 75;

interface ErrorWords {
  code: string;
  title: string;
  detail?: string | undefined;
  remedy: string;
  retryable: boolean;
  exitCode?: ExitCode;
  /** HTTP status, when an answer was the cause. */
  status?: number | undefined;
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
  idempotencyKey?: string | undefined;
  cause?: unknown;
}

/** Every failure of the client, whether the courier's answer or its own. No token, key or session address is ever in it. */
export class CourierClientError extends Error {
  /** One of the courier's codes (docs/errors.md) or of the client's own. */
  readonly code: ErrorCode | ClientErrorCode | (string & {});
  readonly title: string;
  readonly detail: string | undefined;
  /** What to do, in one sentence. */
  readonly remedy: string;
  readonly retryable: boolean;
  readonly exitCode: ExitCode;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Of a delivery that is worth trying again: with this key it makes no twin. */
  readonly idempotencyKey: string | undefined;

  constructor(words: ErrorWords) {
    super(`${words.code}: ${words.detail ?? words.title}`, { cause: words.cause });
    this.name = 'CourierClientError';
    this.code = words.code;
    this.title = words.title;
    this.detail = words.detail;
    this.remedy = words.remedy;
    this.retryable = words.retryable;
    this.exitCode = words.exitCode ?? (words.retryable ? 75 : 1);
    this.status = words.status;
    this.requestId = words.requestId;
    this.retryAfterSeconds = words.retryAfterSeconds;
    this.idempotencyKey = words.idempotencyKey;
  }

  /** As `--json` prints it. */
  toJSON(): Record<string, unknown> {
    const { code, title, detail, remedy, retryable, exitCode, status, requestId, idempotencyKey } = this;
    return { error: { code, title, detail, remedy, retryable, exitCode, status, requestId, idempotencyKey } };
  }
}

type Specifics = Partial<
  Pick<ErrorWords, 'detail' | 'remedy' | 'cause' | 'status' | 'requestId' | 'retryAfterSeconds'>
>;

/** A failure of the client's own table. */
export const failure = (code: ClientErrorCode, specifics: Specifics = {}): CourierClientError => {
  const { title, remedy, retryable, usage }: Failure = FAILURES[code];
  return new CourierClientError({
    code,
    title,
    remedy,
    retryable: retryable ?? false,
    ...(usage ? { exitCode: 64 } : {}),
    ...specifics,
  });
};

/** What a delivery threw, or `stopped` in its place once the signal has ended it. */
export const orStopped = (thrown: unknown, signal: AbortSignal | undefined): unknown => {
  const isTold = thrown instanceof CourierClientError && thrown.code === 'stopped';
  return signal?.aborted && !isTold ? failure('stopped', { cause: thrown }) : thrown;
};

/**
 * What a delivery threw, with the key that it was tried with where it may be tried again; the key that is known first stays.
 * Not for a file that changed: it has other bytes now, and they need a key of their own.
 */
export const withKey = (thrown: unknown, idempotencyKey: string): unknown => {
  if (!(thrown instanceof CourierClientError) || !thrown.retryable || thrown.code === 'file-changed') return thrown;
  if (thrown.idempotencyKey !== undefined) return thrown;
  return new CourierClientError({ ...thrown, idempotencyKey, cause: thrown.cause });
};

/** Anything thrown, as the client's error; what is not one already is a fault of the client itself. */
export const asClientError = (thrown: unknown): CourierClientError =>
  thrown instanceof CourierClientError
    ? thrown
    : new CourierClientError({
        code: 'internal',
        title: 'Something is wrong in the client itself',
        detail: thrown instanceof Error ? thrown.message : String(thrown),
        remedy: 'Report it with the command that was run.',
        retryable: false,
        cause: thrown,
      });
