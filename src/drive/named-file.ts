import type { Ledger } from '../ledger/ledger.ts';
import type { Log } from '../log.ts';
import type { CallContext, Drive, DriveFile } from './drive.ts';
import { settleName } from './names.ts';

/**
 * The one file that a name in a folder stands for (`replace`, `skip`, `fail`), or the id that it is to be made with:
 * the same one for all who ask, in every instance that shares the ledger.
 * @param now epoch milliseconds
 * @returns `nameKey`, the ledger's key, to be marked with `markMade` once the file is made
 */
export const resolveNamedFile = async ({
  drive,
  now = Date.now,
  ...rest
}: {
  drive: Pick<Drive, 'get' | 'newId' | 'find' | 'inspectFolder'>;
  ledger: Ledger;
  folderId: string;
  name: string;
  context: CallContext;
  log: Log;
  now?: () => number;
  /** An id that Drive neither shows nor takes. */
  unusable?: string;
}): Promise<{ existing: DriveFile } | { claimedId: string; nameKey: string }> => {
  const { folderId, name, context } = rest;
  const find = (): Promise<DriveFile[]> => drive.find(folderId, name, context);
  const standing = await settleName({ ...rest, kind: 'file', drive, now, find });
  return 'file' in standing ? { existing: standing.file } : { claimedId: standing.claimedId, nameKey: standing.key };
};
