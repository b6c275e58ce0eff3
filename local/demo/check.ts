import { createHash } from 'node:crypto';
import type { Receipt } from '../../src/client/index.ts';
import type { LocalGoogle } from '../google/server.ts';

/** Lower-case hex. */
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Every file of this name that this Google's Drive has. */
export const filesNamed = (google: LocalGoogle, name: string) =>
  google.drive.files().filter((file) => file.name === name);

/** What a receipt says that Drive itself does not bear out; undefined when all of it holds. */
export const checkReceipt = (google: LocalGoogle, receipt: Receipt, sha256: string): string | undefined => {
  const stored = google.drive.files().find(({ id }) => id === receipt.id);
  if (stored === undefined) return 'Drive has no such file';
  if (stored.sha256 !== sha256 || receipt.sha256 !== sha256) return `Drive has other bytes: ${stored.sha256}`;
  if (stored.size !== receipt.size) return `Drive has ${stored.size} bytes`;
  const twins = google.drive
    .files()
    .filter(({ name, parents }) => name === stored.name && parents[0] === stored.parents[0]);
  return twins.length === 1 ? undefined : `there are ${twins.length} files of this name in the folder`;
};
