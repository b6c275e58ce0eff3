import { createHash } from 'node:crypto';
import type { GoogleProcess, StoredFile } from './google-process.ts';
import { type Ended, forEachAtOnce } from './sender.ts';

const FOLDER_TYPE = 'application/vnd.google-apps.folder';

/** What came of all uploads, judged by what Drive has. */
export interface Verdict {
  /** Uploads that were answered with a receipt. */
  delivered: number;
  refused: number;
  /** Files that a receipt names and Drive has not. */
  lost: number;
  /** Files too many: of one key, more than one; of a folder's path, more than one; and files that nobody asked for. */
  doubled: number;
  /** Files whose stored bytes are not those that were sent. */
  corrupt: number;
  /** Keys whose receipts are not all the same. */
  contradicted: number;
  /** Folders with nothing in them. */
  orphaned: number;
  /** Files that Drive has. */
  files: number;
  /** Whole files of uploads that were refused: an answer was lost on the way, and nobody asked again. */
  unclaimed: number;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const groupBy = <Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> => {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
};

const surplus = (groups: Map<string, unknown[]>): number =>
  [...groups.values()].reduce((sum, group) => sum + group.length - 1, 0);

/** A receipt without what differs between the first and later answers. */
const essenceOf = (ended: Ended): string =>
  ended.kind === 'delivered' ? JSON.stringify({ ...ended.receipt, outcome: undefined }) : '';

const countCorrupt = async (google: GoogleProcess, files: readonly StoredFile[], ends: readonly Ended[]) => {
  const uploads = new Map(ends.map(({ upload }) => [upload.name, upload]));
  let corrupt = 0;
  await forEachAtOnce(files, 8, async ({ id, name, sha256: known }) => {
    const sent = uploads.get(name);
    if (sent === undefined) return;
    const expected = sha256(sent.bytes());
    if (known !== expected || sha256(await google.download(id)) !== expected) corrupt += 1;
  });
  return corrupt;
};

export const judge = async (google: GoogleProcess, folder: string, ends: readonly Ended[]): Promise<Verdict> => {
  await google.liftQuota();
  const items = await google.files(folder);
  const folders = items.filter(({ mimeType }) => mimeType === FOLDER_TYPE);
  const files = items.filter(({ mimeType }) => mimeType !== FOLDER_TYPE);
  const ids = new Set(files.map(({ id }) => id));
  const parents = new Set(items.flatMap((item) => item.parents));
  const byKey = groupBy(ends, ({ upload }) => upload.key);
  const asked = new Set(ends.map(({ upload }) => upload.name));
  const delivered = ends.filter((ended) => ended.kind === 'delivered');
  const receiptIds = new Set(delivered.map(({ receipt }) => receipt.id));
  const strangers = files.filter(({ name }) => !asked.has(name)).length;
  return {
    delivered: delivered.length,
    refused: ends.length - delivered.length,
    lost: [...receiptIds].filter((id) => !ids.has(id)).length,
    doubled:
      strangers +
      surplus(groupBy(files, ({ name }) => name)) +
      surplus(groupBy(folders, ({ name, parents: [parent] }) => `${parent} ${name}`)),
    corrupt: await countCorrupt(google, files, ends),
    contradicted: [...byKey.values()].filter((group) => {
      const receipts = group.filter(({ kind }) => kind === 'delivered');
      return new Set(receipts.map(essenceOf)).size > 1;
    }).length,
    orphaned: folders.filter(({ id }) => !parents.has(id)).length,
    files: files.length,
    unclaimed: files.filter(({ id }) => !receiptIds.has(id)).length,
  };
};
