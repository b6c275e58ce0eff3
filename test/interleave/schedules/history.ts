import { isTrashed, ownerOf } from '../../../local/google/drive/access/access.ts';
import { SPREADSHEET } from '../../../local/google/drive/files/spreadsheets.ts';
import { FOLDER } from '../../../local/google/drive/model.ts';
import { KEEP_PROPERTIES } from '../../../src/delivery/resolve-options.ts';
import type { DriveState } from '../../../local/google/drive/store/state.ts';

/** Who changed Drive. */
export interface Author {
  actor: string;
  isPerson: boolean;
  key: string | undefined;
  /** The actor's attempt, starting at 1. */
  attempt: number;
}

export interface Revision {
  id: string;
  sha256: string;
  /** The account that wrote it. */
  by: string;
}

/** The state of a file in Drive. */
export interface FileState {
  id: string;
  name: string;
  parent: string | undefined;
  /** The file itself or a folder above it is in the trash. */
  trashed: boolean;
  isFolder: boolean;
  isSheet: boolean;
  /** It has a content restriction. */
  isLocked: boolean;
  revisions: readonly Revision[];
  /** In My Drive. */
  owner: string | undefined;
  /** When it was delivered, if it falls under the retention of the destination (RFC 3339). */
  keptSince: string | undefined;
  /** Whom the file itself is shared with, apart from its owner. */
  shares: readonly string[];
}

/**
 * `content`: a revision was added. `revision-deleted`: a revision was deleted. `marked`: it got another time for the retention,
 * without new content.
 */
type ChangeKind =
  | 'created'
  | 'content'
  | 'revision-deleted'
  | 'renamed'
  | 'moved'
  | 'trashed'
  | 'untrashed'
  | 'deleted'
  | 'shared'
  | 'unshared'
  | 'marked';

export interface Change {
  kind: ChangeKind;
  author: Author;
  /** The number of the step, and the virtual time. */
  step: number;
  atMs: number;
  /** When the request was sent; a slow one has its effect later. */
  sentAtMs: number;
  /** Its request had no answer, and its sender has continued. */
  isUnanswered: boolean;
  fileId: string;
  before: FileState | undefined;
  after: FileState | undefined;
  /** Set for `created`, `content` and `revision-deleted`. */
  revision?: Revision;
}

/** All changes to the files below one folder, and who made them. */
export interface History {
  changes: readonly Change[];
  files(): readonly FileState[];
  file(id: string): FileState | undefined;
  /** Who added a revision. */
  authorOf(revisionId: string): Author | undefined;
  /** Compares Drive with its last known state and returns the new changes. */
  look(author: Author, at: Pick<Change, 'step' | 'atMs' | 'sentAtMs' | 'isUnanswered'>): readonly Change[];
}

export const headOf = (file: FileState | undefined): Revision | undefined => file?.revisions.at(-1);

export const createHistory = (state: DriveState, rootId: string): History => {
  let current = new Map<string, FileState>();
  const changes: Change[] = [];
  const authors = new Map<string, Author>();

  const below = (id: string): string[] => [...state.store.childrenOf(id)].flatMap((child) => [child, ...below(child)]);

  const read = (): Map<string, FileState> => {
    const files = new Map<string, FileState>();
    for (const id of below(rootId)) {
      const file = state.store.files.get(id);
      if (file === undefined) continue;
      const revisions = file.revisions.map(({ id: revisionId, sha256, modifiedBy: by }) => ({
        id: revisionId,
        sha256,
        by,
      }));
      const { name, parent, mimeType } = file;
      files.set(id, {
        id,
        name,
        parent,
        trashed: isTrashed(state, file),
        isFolder: mimeType === FOLDER,
        isSheet: mimeType === SPREADSHEET,
        isLocked: file.contentRestriction !== undefined,
        revisions,
        owner: ownerOf(file),
        keptSince: Object.values(file.appProperties).find((own) => own[KEEP_PROPERTIES.rule] !== undefined)?.[
          KEEP_PROPERTIES.time
        ],
        shares: file.permissions.flatMap(({ role, emailAddress = '' }) =>
          role === 'owner' ? [] : [`${emailAddress} (${role})`],
        ),
      });
    }
    return files;
  };

  const compare = (
    before: FileState | undefined,
    after: FileState | undefined,
  ): [ChangeKind, (Revision | undefined)?][] => {
    if (before === undefined) return [['created', headOf(after)]];
    if (after === undefined) return [['deleted']];
    const added = after.revisions.filter(({ id }) => !before.revisions.some((other) => other.id === id));
    const gone = before.revisions.filter(({ id }) => !after.revisions.some((other) => other.id === id));
    return [
      ...added.map((revision): [ChangeKind, Revision] => ['content', revision]),
      ...gone.map((revision): [ChangeKind, Revision] => ['revision-deleted', revision]),
      ...(before.name === after.name ? [] : [['renamed'] as [ChangeKind]]),
      ...(before.parent === after.parent ? [] : [['moved'] as [ChangeKind]]),
      ...(before.trashed === after.trashed ? [] : [[after.trashed ? 'trashed' : 'untrashed'] as [ChangeKind]]),
      ...(after.shares.every((share) => before.shares.includes(share)) ? [] : [['shared'] as [ChangeKind]]),
      ...(before.shares.every((share) => after.shares.includes(share)) ? [] : [['unshared'] as [ChangeKind]]),
      ...(before.keptSince === after.keptSince || added.length > 0 ? [] : [['marked'] as [ChangeKind]]),
    ];
  };

  return {
    changes,
    files: () => [...current.values()],
    file: (id) => current.get(id),
    authorOf: (revisionId) => authors.get(revisionId),
    look(author, at) {
      const now = read();
      const fresh: Change[] = [];
      for (const fileId of new Set([...current.keys(), ...now.keys()])) {
        const [before, after] = [current.get(fileId), now.get(fileId)];
        for (const [kind, revision] of compare(before, after)) {
          fresh.push({ kind, author, ...at, fileId, before, after, ...(revision === undefined ? {} : { revision }) });
          if (revision !== undefined && kind !== 'revision-deleted') authors.set(revision.id, author);
        }
      }
      current = now;
      changes.push(...fresh);
      return fresh;
    },
  };
};
