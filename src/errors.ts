import { ERRORS, type ErrorCode } from './error-codes.ts';

export { ERRORS, type ErrorCode };

interface ErrorDetails {
  /** What was wrong with this request. Callers see it, so it has no secret and nothing of Google's own messages. */
  detail?: string | undefined;
  /** A remedy that fits this case better than the one in the table. */
  remedy?: string | undefined;
  /**
   * Facts as data: `account` (that writes to Drive), `courier` (the courier's own service account), `secret`, `folder`, `bucket`,
   * `topic`, `project` (of the ledger), `api`. Placeholders of the remedy are filled from it.
   */
  facts?: Readonly<Record<string, string | undefined>>;
  /**
   * The exact cause within the code, for programs: Google's own name if there is one (`domainPolicy`, `SERVICE_DISABLED`),
   * otherwise a name of the courier (`clock-skew`).
   */
  reason?: string | undefined;
  /** Seconds to wait before a retry; default: 5 for retryable codes, otherwise none. */
  retryAfterSeconds?: number | undefined;
  /** For the log only. */
  cause?: unknown;
}

/** What stands for a fact that is not known. */
const UNKNOWN_FACTS: Readonly<Record<string, string>> = {
  secret: 'the secret',
  bucket: 'the bucket',
  topic: 'the topic',
  project: "the ledger's project",
  courier: "the courier's service account (its email is not known here)",
};

const withFacts = (remedy: string, facts: NonNullable<ErrorDetails['facts']>): string =>
  remedy.replace(/\{(\w+)\}/g, (_, word: string) => facts[word] ?? UNKNOWN_FACTS[word] ?? "the courier's account");

/** With `--frozen-intrinsics` the length of stack traces cannot be changed. */
const canLimitStacks = (): boolean => Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true;

/** A failure with one of the error codes. `message` is for the log; callers see the code, title, `detail` and remedy. */
export class CourierError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
  readonly remedy: string;
  /** True if the remedy was given for this case; false if it is the one in the table. */
  readonly hasOwnRemedy: boolean;
  readonly detail: string | undefined;
  /** The exact cause within the code: Google's own name if there is one, otherwise a name of the courier. */
  readonly reason: string | undefined;
  readonly facts: Readonly<Record<string, string | undefined>>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, { detail, remedy, facts = {}, reason, retryAfterSeconds, cause }: ErrorDetails = {}) {
    const kind = ERRORS[code];
    const { stackTraceLimit } = Error;
    // A mistake in a request needs no stack trace, and collecting one takes longer than rejecting a forged token.
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
    this.hasOwnRemedy = remedy !== undefined;
    this.detail = detail;
    this.reason = reason;
    this.facts = facts;
    this.retryAfterSeconds = retryAfterSeconds ?? (kind.retryable ? 5 : undefined);
  }
}

/** Anything thrown, as a CourierError. Anything else becomes `internal`, with what was thrown as its cause for the log. */
export const asCourierError = (thrown: unknown): CourierError =>
  thrown instanceof CourierError ? thrown : new CourierError('internal', { cause: thrown });

/** Whether Drive has refused an upload because of what the account has used: its uploads of the day, or its storage. */
export const isAccountQuota = (error: unknown): error is CourierError =>
  error instanceof CourierError && (error.code === 'upload-limit-reached' || error.reason === 'storageQuotaExceeded');

/**
 * True when a Pub/Sub message with this failure would fail every time, so it is not redelivered. Errors in
 * the message itself have a status below 500. Errors of the set-up and transient errors are retried, and counted by
 * Pub/Sub's own dead-letter policy. Once the request is aborted, an error says nothing about the message.
 */
export const isPermanent = (
  { status, retryable, code }: CourierError,
  { aborted }: Pick<AbortSignal, 'aborted'>,
): boolean =>
  // Pub/Sub sends each message whole, so an incomplete body is not an error in the message.
  !aborted && status < 500 && !retryable && code !== 'body-truncated';

/** Why a signal aborted the work: its own reason where that is a CourierError, else `drive-unavailable`. */
export const abortReason = ({ reason }: Pick<AbortSignal, 'reason'>): CourierError =>
  reason instanceof CourierError
    ? reason
    : new CourierError('drive-unavailable', { detail: 'The request was aborted.', cause: reason });
