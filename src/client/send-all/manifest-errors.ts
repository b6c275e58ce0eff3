import { failure } from '../errors.ts';
import { systemErrorText } from '../http/system-errors.ts';

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));

const isDiskFull = (error: unknown): boolean => hasCode(error, 'ENOSPC', 'EDQUOT');

const DELIVERED_IS_KEPT =
  'Files that were delivered are in Drive. Those that the manifest lacks are sent again with the same keys, which creates no duplicates.';

export const unreadable = (path: string, error: unknown) =>
  failure('file-unreadable', { detail: `${path}: ${systemErrorText(error) ?? 'Cannot be read'}`, cause: error });

const unwritable = (path: string, error: unknown, remedy: string | undefined) =>
  failure('file-unwritable', {
    detail: `${path}: ${systemErrorText(error) ?? 'Cannot be written'}`,
    remedy,
    cause: error,
  });

/** The manifest cannot be opened or created, before any file is sent. */
export const notBegun = (path: string, error: unknown) =>
  unwritable(
    path,
    error,
    isDiskFull(error)
      ? 'Free some space on the disk of the manifest, or choose a path on another disk. Nothing was sent.'
      : undefined,
  );

/** A line cannot be written. Files were delivered before, and the last ones may not be in the manifest. */
export const notContinued = (path: string, error: unknown) => {
  const first = isDiskFull(error) ? 'Free some space on the disk of the manifest' : 'Make the manifest writable again';
  return unwritable(path, error, `${first}, then run the same command again. ${DELIVERED_IS_KEPT}`);
};
