import { type CourierClientError, failure } from '../errors.ts';
import { isError } from '../realms.ts';

const isOutOfHandles = (cause: unknown): boolean =>
  isError(cause) && 'code' in cause && (cause.code === 'EMFILE' || cause.code === 'ENFILE');

const TOO_MANY_OPEN = {
  retryable: true,
  remedy: 'Send fewer files at the same time (--concurrency), or raise the limit of open files (ulimit -n).',
};

/** The error for a file or folder that cannot be read. That too many files are open is no fault of the file. */
export const unreadableFile = (detail: string, cause?: unknown): CourierClientError =>
  failure('file-unreadable', { detail, cause, ...(isOutOfHandles(cause) ? TOO_MANY_OPEN : {}) });
