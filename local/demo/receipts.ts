import type { Receipt } from '../../src/client/index.ts';
import type { LocalGoogle } from '../google/server.ts';

/** All files in the local Drive that have this name. */
export const filesNamed = (google: LocalGoogle, name: string) =>
  google.drive.files().filter((file) => file.name === name);

/** Compares a receipt with what Drive stores. Returns what differs, or undefined. */
const differenceFrom = (google: LocalGoogle, receipt: Receipt, sha256: string): string | undefined => {
  const stored = google.drive.files().find(({ id }) => id === receipt.id);
  if (stored === undefined) return 'Drive has no file with this ID';
  if (stored.sha256 !== sha256 || receipt.sha256 !== sha256)
    return `the SHA-256 of the stored file is ${stored.sha256}`;
  if (stored.size !== receipt.size) return `the stored file has ${stored.size} bytes`;
  const sameName = google.drive
    .files()
    .filter(({ name, parents }) => name === stored.name && parents[0] === stored.parents[0]);
  return sameName.length === 1 ? undefined : `the folder has ${sameName.length} files with this name`;
};

/** Prints a receipt and whether Drive confirms it. Returns true when it does. */
export const checkReceipt = (google: LocalGoogle, receipt: Receipt, sha256: string): boolean => {
  const difference = differenceFrom(google, receipt, sha256);
  const path = [receipt.destination, receipt.path, receipt.name].filter((part) => part !== '').join(' / ');
  console.log(`   ${difference === undefined ? '✓' : '✗'} ${receipt.outcome}  ${path}`);
  console.log(`     ${receipt.size.toLocaleString('en')} bytes, SHA-256 ${receipt.sha256}`);
  console.log(`     ${receipt.webViewLink}`);
  if (difference !== undefined) console.log(`     ${difference}`);
  return difference === undefined;
};
