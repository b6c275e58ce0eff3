import { hash } from 'node:crypto';
import type { GoogleProcess, StoredFile } from './google-process.ts';
import { type Ended, forEachAtOnce } from './sender.ts';

const FOLDER_TYPE = 'application/vnd.google-apps.folder';

/** The result of all uploads, judged by what Drive contains. */
export interface Verdict {
  /** Uploads that got a receipt. */
  delivered: number;
  refused: number;
  /** Files that a receipt names and Drive lacks. */
  lost: number;
  /** Duplicates: several files for one key, several folders for one path, and files that nobody requested. */
  doubled: number;
  /** Files whose stored bytes are none of the sent ones. */
  corrupt: number;
  /** Receipts that do not match the bytes sent for them. */
  untrue: number;
  /** Files that contain an older version than the last confirmed one. */
  overtaken: number;
  /** Keys whose receipts differ, and files whose versions' receipts have different ids. */
  contradicted: number;
  /** Empty folders. */
  orphaned: number;
  /** Files that Drive has. */
  files: number;
  /** Files that were requested. */
  names: number;
  /** Complete files of uploads that were rejected: a response was lost, and there was no retry. */
  unclaimed: number;
}

const groupBy = <Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> => {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
};

const surplus = (groups: Map<string, unknown[]>): number =>
  [...groups.values()].reduce((sum, group) => sum + group.length - 1, 0);

/** A receipt without the members that differ between the first and later responses. */
const essenceOf = ({ receipt }: Ended & { kind: 'delivered' }): string =>
  JSON.stringify({ ...receipt, outcome: undefined });

/** The stored content of a name: not the sent one, or sent before something that was confirmed. */
const countWrong = async (google: GoogleProcess, files: readonly StoredFile[], ends: readonly Ended[]) => {
  const byName = groupBy(ends, ({ upload }) => upload.name);
  const wrong = { corrupt: 0, overtaken: 0 };
  await forEachAtOnce(files, 8, async ({ id, name, sha256: known }) => {
    const sent = byName.get(name);
    if (sent === undefined) return;
    const stored = sent.find(({ upload }) => hash('sha256', upload.bytes()) === known);
    if (stored === undefined || hash('sha256', await google.download(id)) !== known) wrong.corrupt += 1;
    const answered = sent.filter(({ kind }) => kind === 'delivered').map(({ upload }) => upload.version);
    if (stored !== undefined && stored.upload.version < Math.max(0, ...answered)) wrong.overtaken += 1;
  });
  return wrong;
};

const isTrue = ({ upload, receipt }: Ended & { kind: 'delivered' }): boolean =>
  receipt.sha256 === hash('sha256', upload.bytes()) && receipt.size === upload.size;

/** Groups with more than one member. */
const disagreeing = <Item>(groups: Map<string, Item[]>, partOf: (item: Item) => string): number =>
  [...groups.values()].filter((group) => new Set(group.map(partOf)).size > 1).length;

/** The requests whose audit line reports a failure. */
export const failedRequests = (lines: readonly string[]): Set<unknown> => {
  const failed = lines.filter((line) => line.includes('"outcome":"failed"'));
  return new Set(failed.map((line) => (JSON.parse(line) as { requestId?: unknown }).requestId));
};

/** Receipts of requests whose audit line reports a failure. */
export const countMisjudged = (lines: readonly string[], ends: readonly Ended[]): number => {
  const failed = failedRequests(lines);
  return ends.filter((ended) => ended.kind === 'delivered' && failed.has(ended.requestId)).length;
};

export const judge = async (google: GoogleProcess, folder: string, ends: readonly Ended[]): Promise<Verdict> => {
  await google.liftQuota();
  const items = await google.files(folder);
  const folders = items.filter(({ mimeType }) => mimeType === FOLDER_TYPE);
  const files = items.filter(({ mimeType }) => mimeType !== FOLDER_TYPE);
  const ids = new Set(files.map(({ id }) => id));
  const parents = new Set(items.flatMap((item) => item.parents));
  const asked = new Set(ends.map(({ upload }) => upload.name));
  const delivered = ends.filter((ended) => ended.kind === 'delivered');
  const receiptIds = new Set(delivered.map(({ receipt }) => receipt.id));
  const byName = groupBy(delivered, ({ upload }) => upload.name);
  const strangers = files.filter(({ name }) => !asked.has(name)).length;
  return {
    delivered: delivered.length,
    refused: ends.length - delivered.length,
    lost: [...receiptIds].filter((id) => !ids.has(id)).length,
    doubled:
      strangers +
      surplus(groupBy(files, ({ name }) => name)) +
      surplus(groupBy(folders, ({ name, parents: [parent] }) => `${parent} ${name}`)),
    ...(await countWrong(google, files, ends)),
    untrue: delivered.filter((ended) => !isTrue(ended)).length,
    contradicted:
      disagreeing(
        groupBy(delivered, ({ upload }) => upload.key),
        essenceOf,
      ) + disagreeing(byName, ({ receipt }) => receipt.id),
    orphaned: folders.filter(({ id }) => !parents.has(id)).length,
    files: files.length,
    names: asked.size,
    unclaimed: files.filter(({ id }) => !receiptIds.has(id)).length,
  };
};
