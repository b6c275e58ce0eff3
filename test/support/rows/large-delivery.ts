import { createHash } from 'node:crypto';

/** A delivery of rows that takes three changes of ten rows each. */

export const ROWS = 30;
/** All of one length: from 100 on. */
export const WANTED = Array.from({ length: ROWS }, (_, n) => [100 + n, `row ${100 + n}`]);
/** A tab that has its rows only. */
export const WHOLE = [['n', 'text'], ...WANTED];

/** Marks are separated by spaces, so a key has none. The hash keeps long names apart. */
export const markKey = (name: string): string => createHash('sha256').update(name).digest('base64url').slice(0, 32);

export const large = (name: string, tab?: string) => ({
  ...{ key: markKey(name), csv: `${WHOLE.map((row) => row.join()).join('\n')}\n`, maxBatchBytes: 1_120 },
  ...(tab === undefined ? {} : { tab }),
});
