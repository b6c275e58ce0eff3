import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openWorkbooks, type Workbooks } from '../../sheets/workbook/store.ts';
import type { Account, ReceivedBytes, StoredFile, StoredLabel, StoredRevision } from '../model.ts';
import { openRecords, type Records } from './records.ts';

interface Group {
  email: string;
  members: string[];
}

/** All data of this Drive, in memory and on disk for the next start. */
export interface Store {
  files: Records<StoredFile>;
  accounts: Records<Account>;
  groups: Records<Group>;
  labels: Records<StoredLabel>;
  /** The IDs of the direct children, including trashed ones. */
  childrenOf(parentId: string): ReadonlySet<string>;
  /** The number of items in a shared drive, including trashed ones. */
  itemsOf(driveId: string): number;
  save(file: StoredFile): void;
  /** Removes a file with its bytes and everything below it. */
  destroy(id: string): void;
  /** The content of spreadsheets. */
  workbooks: Workbooks;
  uploadsDir: string;
  contentPath(fileId: string, revisionId: string): string;
  /** Moves received bytes to their final path. */
  keepBytes(fileId: string, revision: StoredRevision, received: ReceivedBytes): void;
  dropBytes(fileId: string, revisionId: string): void;
  /** Opens further records, with a name of their own. */
  records<T>(name: string): Records<T>;
  close(): void;
  isGenerated(id: string): boolean;
  /** True for the ID of an existing file, and for a generated ID whose file was deleted. */
  isUsed(id: string): boolean;
  rememberGenerated(ids: readonly string[]): void;
}

const readLines = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
};

/** An index of IDs by their parent ID, so that no call has to search all files. */
interface Index {
  /** @param to undefined removes the ID */
  move(id: string, to: string | undefined): void;
  under(id: string): ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

function openIndex(): Index {
  const members = new Map<string, Set<string>>();
  const placeOf = new Map<string, string>();
  return {
    move: (id, to) => {
      const from = placeOf.get(id);
      if (from === to) return;
      if (from !== undefined) members.get(from)?.delete(id);
      if (from !== undefined && members.get(from)?.size === 0) members.delete(from);
      placeOf.delete(id);
      if (to === undefined) return;
      placeOf.set(id, to);
      const set = members.get(to) ?? new Set();
      members.set(to, set.add(id));
    },
    under: (id) => members.get(id) ?? NONE,
  };
}

/** Opens a data folder. It may contain the data of an earlier run. */
export function openStore(dataDir: string): Store {
  const contentDir = join(dataDir, 'content');
  const uploadsDir = join(dataDir, 'uploads');
  for (const folder of [contentDir, uploadsDir]) mkdirSync(folder, { recursive: true });
  const opened: Records<unknown>[] = [];
  const recordsOf = <T>(name: string): Records<T> => {
    const records = openRecords<T>(join(dataDir, name));
    opened.push(records as Records<unknown>);
    return records;
  };
  const files = recordsOf<StoredFile>('files');
  const workbooks = openWorkbooks(join(dataDir, 'workbooks'));
  const generatedPath = join(dataDir, 'generated-ids.txt');
  const spentPath = join(dataDir, 'spent-ids.txt');
  const generated = new Set(readLines(generatedPath));
  const spent = new Set(readLines(spentPath));
  const children = openIndex();
  const items = openIndex();

  const unlink = (id: string): void => {
    children.move(id, undefined);
    items.move(id, undefined);
  };
  const link = (file: StoredFile): void => {
    children.move(file.id, file.parent);
    items.move(file.id, file.kind === 'item' ? file.driveId : undefined);
  };
  for (const file of files.all()) link(file);

  const contentPath = (fileId: string, revisionId: string): string => join(contentDir, `${fileId}.${revisionId}`);
  const dropBytes = (fileId: string, revisionId: string): void =>
    rmSync(contentPath(fileId, revisionId), { force: true });
  const destroy = (id: string): void => {
    for (const child of [...children.under(id)]) destroy(child);
    for (const revision of files.get(id)?.revisions ?? []) dropBytes(id, revision.id);
    unlink(id);
    files.remove(id);
    workbooks.remove(id);
    if (!generated.has(id)) return;
    spent.add(id);
    appendFileSync(spentPath, `${id}\n`);
  };

  return {
    files,
    accounts: recordsOf<Account>('accounts'),
    groups: recordsOf<Group>('groups'),
    labels: recordsOf<StoredLabel>('labels'),
    childrenOf: children.under,
    itemsOf: (driveId) => items.under(driveId).size,
    save: (file) => {
      files.put(file.id, file);
      link(file);
    },
    destroy,
    workbooks,
    uploadsDir,
    contentPath,
    keepBytes: (fileId, revision, received) => renameSync(received.path, contentPath(fileId, revision.id)),
    dropBytes,
    records: recordsOf,
    close: () => {
      for (const records of opened) records.close();
    },
    isGenerated: (id) => generated.has(id),
    isUsed: (id) => files.get(id) !== undefined || spent.has(id),
    rememberGenerated: (ids) => {
      appendFileSync(generatedPath, ids.map((id) => `${id}\n`).join(''));
      for (const id of ids) generated.add(id);
    },
  };
}
