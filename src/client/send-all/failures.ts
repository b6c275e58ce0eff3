import { CourierClientError, type ExitCode, type FileFailure, failure } from '../errors.ts';

/** Errors of a single file. The next file may still be delivered. */
const FILE_ERRORS: ReadonlySet<string> = new Set([
  ...['file-unreadable', 'file-changed', 'path-taken', 'receipt-mismatch'],
  ...['name-invalid', 'path-invalid', 'folder-too-deep', 'folder-limited'],
]);
/** Errors that every other file would get as well. */
const RUN_ERRORS: ReadonlySet<string> = new Set([
  ...['not-a-courier', 'file-unwritable', 'usage'],
  ...['identity-not-found', 'identity-unusable', 'identity-cannot-mint', 'identity-refused'],
]);

/** Failures in a row, for each file that is sent at the same time, after which the rest is not tried. */
const ROUNDS = 2;
const MIN_IN_ROW = 8;

/** Decides when a run is pointless: 20,000 files must not each wait for a courier that does not answer. */
export const createBreaker = (concurrency: number) => {
  let inRow = 0;
  return {
    onDelivered(): void {
      inRow = 0;
    },
    /** @returns whether the run must end */
    onFailure({ code, status = 0, retryable }: CourierClientError): boolean {
      if (FILE_ERRORS.has(code)) return false;
      if (RUN_ERRORS.has(code) || status === 401 || status === 403) return true;
      if (!retryable && status < 500) return false;
      inRow += 1;
      return inRow >= Math.max(MIN_IN_ROW, ROUNDS * concurrency);
    },
  };
};

/** 75 as long as another run can deliver something, then 1. */
const exitCodeOf = (failures: readonly FileFailure[]): ExitCode =>
  failures.some(({ error }) => error.retryable) ? 75 : 1;

/** If no failure is transient, the same command would only fail again. */
const FIX_FIRST =
  'Fix the errors of the files, then run the same command again. Files that were delivered are not sent twice.';

/** The error of a run that has tried every file. @param runKey the generated key of this run; undefined if the caller chose one */
export const filesFailed = (
  failures: readonly FileFailure[],
  files: number,
  runKey: string | undefined,
): CourierClientError => {
  const exitCode = exitCodeOf(failures);
  return failure('files-failed', {
    detail: `${failures.length} of ${files} files`,
    retryable: exitCode === 75,
    exitCode,
    failures,
    idempotencyKey: runKey,
    remedy: exitCode === 75 ? undefined : FIX_FIRST,
  });
};

/** An error that ended the run, with the key that continues it. */
export const endedBy = (
  error: CourierClientError,
  failures: readonly FileFailure[],
  runKey: string | undefined,
): CourierClientError =>
  new CourierClientError({
    ...error,
    failures,
    idempotencyKey: error.retryable ? runKey : undefined,
    cause: error.cause,
  });
