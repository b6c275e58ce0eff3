import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Account, ReceivedBytes, StoredFile, StoredRevision } from './model.ts';
import { openRecords, type Records } from './records.ts';

interface Group {
  email: string;
  members: string[];
}

/** Everything this Drive keeps, in memory for reading and on disk for the next start. */
export interface Store {
  files: Records<StoredFile>;
  accounts: Records<Account>;
  groups: Records<Group>;
  /** Ids of the direct children, trashed ones too. */
  childrenOf(parentId: string): ReadonlySet<string>;
  save(file: StoredFile): void;
  /** Removes a file with its bytes and everything below it. */
  destroy(id: string): void;
  uploadsDir: string;
  contentPath(fileId: string, revisionId: string): string;
  /** Moves received bytes to their place. */
  keepBytes(fileId: string, revision: StoredRevision, received: ReceivedBytes): void;
  dropBytes(fileId: string, revisionId: string): void;
  isGenerated(id: string): boolean;
  rememberGenerated(ids: readonly string[]): void;
}

const readLines = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
};

/** Opens the folder, with whatever an earlier run left there. */
export function openStore(dataDir: string): Store {
  const contentDir = join(dataDir, 'content');
  const uploadsDir = join(dataDir, 'uploads');
  for (const folder of [contentDir, uploadsDir]) mkdirSync(folder, { recursive: true });
  const files = openRecords<StoredFile>(join(dataDir, 'files'));
  const generatedPath = join(dataDir, 'generated-ids.txt');
  const generated = new Set(readLines(generatedPath));
  const children = new Map<string, Set<string>>();
  const parentOf = new Map<string, string>();

  const unlink = (id: string): void => {
    const parent = parentOf.get(id);
    if (parent !== undefined) children.get(parent)?.delete(id);
    parentOf.delete(id);
  };
  const link = (file: StoredFile): void => {
    if (parentOf.get(file.id) === file.parent) return;
    unlink(file.id);
    if (file.parent === undefined) return;
    parentOf.set(file.id, file.parent);
    const siblings = children.get(file.parent);
    if (siblings === undefined) children.set(file.parent, new Set([file.id]));
    else siblings.add(file.id);
  };
  for (const file of files.all()) link(file);

  const contentPath = (fileId: string, revisionId: string): string => join(contentDir, `${fileId}.${revisionId}`);
  const dropBytes = (fileId: string, revisionId: string): void =>
    rmSync(contentPath(fileId, revisionId), { force: true });
  const destroy = (id: string): void => {
    for (const child of [...(children.get(id) ?? [])]) destroy(child);
    for (const revision of files.get(id)?.revisions ?? []) dropBytes(id, revision.id);
    unlink(id);
    children.delete(id);
    files.remove(id);
  };

  return {
    files,
    accounts: openRecords<Account>(join(dataDir, 'accounts')),
    groups: openRecords<Group>(join(dataDir, 'groups')),
    childrenOf: (parentId) => children.get(parentId) ?? new Set(),
    save: (file) => {
      files.put(file.id, file);
      link(file);
    },
    destroy,
    uploadsDir,
    contentPath,
    keepBytes: (fileId, revision, received) => renameSync(received.path, contentPath(fileId, revision.id)),
    dropBytes,
    isGenerated: (id) => generated.has(id),
    rememberGenerated: (ids) => {
      appendFileSync(generatedPath, ids.map((id) => `${id}\n`).join(''));
      for (const id of ids) generated.add(id);
    },
  };
}
