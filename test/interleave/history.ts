import { isTrashed } from '../../local/google/drive/access.ts';
import { FOLDER } from '../../local/google/drive/model.ts';
import type { DriveState } from '../../local/google/drive/state.ts';

/** On whose account Drive was changed. */
export interface Doer {
  actor: string;
  isPerson: boolean;
  key: string | undefined;
  /** Which try of the actor's, from 1. */
  attempt: number;
}

export interface Revision {
  id: string;
  sha256: string;
}

/** A file as it stands, by what Drive itself keeps. */
export interface FileState {
  id: string;
  name: string;
  parent: string | undefined;
  /** By itself or with a folder above it. */
  trashed: boolean;
  isFolder: boolean;
  revisions: readonly Revision[];
}

/** `content`: a new revision. `revision-gone`: one was taken back. */
type ChangeKind = 'created' | 'content' | 'revision-gone' | 'renamed' | 'moved' | 'trashed' | 'untrashed' | 'deleted';

export interface Change {
  kind: ChangeKind;
  doer: Doer;
  /** The number of the step that did it, and the time by the schedule's clock. */
  step: number;
  atMs: number;
  fileId: string;
  before: FileState | undefined;
  after: FileState | undefined;
  /** Of `created`, `content` and `revision-gone`. */
  revision?: Revision;
}

/** All that has happened to the files of one folder, and who did it. */
export interface History {
  changes: readonly Change[];
  files(): readonly FileState[];
  file(id: string): FileState | undefined;
  /** Who put the bytes of a revision there. */
  authorOf(revisionId: string): Doer | undefined;
  /** Looks what has changed since the last look. Answers only what is new. */
  look(doer: Doer, at: Pick<Change, 'step' | 'atMs'>): readonly Change[];
}

export const headOf = (file: FileState | undefined): Revision | undefined => file?.revisions.at(-1);

export const createHistory = (state: DriveState, rootId: string): History => {
  let standing = new Map<string, FileState>();
  const changes: Change[] = [];
  const authors = new Map<string, Doer>();

  const below = (id: string): string[] => [...state.store.childrenOf(id)].flatMap((child) => [child, ...below(child)]);

  const read = (): Map<string, FileState> => {
    const files = new Map<string, FileState>();
    for (const id of below(rootId)) {
      const file = state.store.files.get(id);
      if (file === undefined) continue;
      const revisions = file.revisions.map(({ id: revisionId, sha256 }) => ({ id: revisionId, sha256 }));
      const { name, parent, mimeType } = file;
      files.set(id, { id, name, parent, trashed: isTrashed(state, file), isFolder: mimeType === FOLDER, revisions });
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
      ...gone.map((revision): [ChangeKind, Revision] => ['revision-gone', revision]),
      ...(before.name === after.name ? [] : [['renamed'] as [ChangeKind]]),
      ...(before.parent === after.parent ? [] : [['moved'] as [ChangeKind]]),
      ...(before.trashed === after.trashed ? [] : [[after.trashed ? 'trashed' : 'untrashed'] as [ChangeKind]]),
    ];
  };

  return {
    changes,
    files: () => [...standing.values()],
    file: (id) => standing.get(id),
    authorOf: (revisionId) => authors.get(revisionId),
    look(doer, at) {
      const now = read();
      const fresh: Change[] = [];
      for (const fileId of new Set([...standing.keys(), ...now.keys()])) {
        const [before, after] = [standing.get(fileId), now.get(fileId)];
        for (const [kind, revision] of compare(before, after)) {
          fresh.push({ kind, doer, ...at, fileId, before, after, ...(revision === undefined ? {} : { revision }) });
          if (revision !== undefined && kind !== 'revision-gone') authors.set(revision.id, doer);
        }
      }
      standing = now;
      changes.push(...fresh);
      return fresh;
    },
  };
};
