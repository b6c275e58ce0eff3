import type { Drive, DriveFile } from '../../../src/drive/drive.ts';
import { CourierError } from '../../../src/errors.ts';

const FOLDER_TYPE = 'application/vnd.google-apps.folder';

type Metadata = Pick<
  Drive,
  'newId' | 'get' | 'find' | 'findFolders' | 'createFolder' | 'inspectFolder' | 'resolveFolder' | 'now'
>;

interface FakeFiles extends Metadata {
  files: Map<string, DriveFile>;
  /** Calls so far, by method. */
  calls: Record<string, number>;
  /** Adds a file as another user would. Drive's search shows it at once. */
  add(file: Partial<DriveFile> & { id: string }): DriveFile;
  change(id: string, change: Partial<DriveFile>): void;
  /** Deletes it permanently: the id is used up. */
  destroy(id: string): void;
  /** Files created since then can be found from now on. */
  index(): void;
  /** Two concurrent responses arrive in any order: what other instances see of this Drive. */
  other(): Metadata;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 3));

/**
 * File metadata of a Drive whose search does not show new files until the test allows it: the worst behaviour observed at
 * Drive.
 * @param now the clock of Drive
 */
export const createFakeFiles = (now = (): number => 0): FakeFiles => {
  const files = new Map<string, DriveFile>();
  const shown = new Set<string>();
  const spent = new Set<string>();
  const calls: Record<string, number> = {};
  let ids = 0;
  let clockMs = Date.parse('2026-11-24T12:00:00Z');

  const count = async (method: string): Promise<void> => {
    calls[method] = (calls[method] ?? 0) + 1;
    await pause();
  };

  const make = (file: Partial<DriveFile> & { id: string }): DriveFile => {
    clockMs += 1_000;
    const time = new Date(clockMs).toISOString();
    const made: DriveFile = {
      ...{ name: 'a', mimeType: 'text/plain', size: 0, md5Checksum: undefined, sha256Checksum: undefined },
      ...{ parents: ['root-folder'], trashed: false, webViewLink: '', createdTime: time, modifiedTime: time },
      ...{ headRevisionId: undefined, appProperties: {} },
      ...file,
    };
    files.set(made.id, made);
    return made;
  };

  const search = (folderId: string, name: string, isFolder: boolean): DriveFile[] =>
    [...files.values()]
      .filter(({ id, mimeType, parents, trashed, ...file }) => {
        const fits = (mimeType === FOLDER_TYPE) === isFolder && parents.includes(folderId) && file.name === name;
        return shown.has(id) && fits && !trashed;
      })
      .sort((one, other) => (one.createdTime < other.createdTime ? -1 : 1));

  const metadata: Metadata = {
    now,
    async newId() {
      await count('newId');
      return `id-${++ids}`;
    },
    async get(id) {
      await count('get');
      return files.get(id);
    },
    async find(folderId, name) {
      await count('find');
      return search(folderId, name, false);
    },
    async findFolders(parentId, name) {
      await count('findFolders');
      return search(parentId, name, true);
    },
    async createFolder({ id, name, parentId }) {
      await count('createFolder');
      if (!files.has(parentId)) throw new CourierError('folder-not-found');
      if (files.has(id) || spent.has(id)) return { existed: true };
      make({ id, name, parents: [parentId], mimeType: FOLDER_TYPE });
      await pause();
      return { existed: false };
    },
    async inspectFolder(id) {
      await count('inspectFolder');
      const folder = files.get(id);
      if (folder === undefined) throw new CourierError('folder-not-found');
      const can = { canAddChildren: true, canEdit: true, canShare: true, ownedByMe: true };
      const place = { shortcut: undefined, driveId: undefined, isClosed: false };
      return {
        id,
        name: folder.name,
        mimeType: FOLDER_TYPE,
        isFolder: true,
        trashed: folder.trashed,
        ...place,
        ...can,
      };
    },
    // Cached already, as after the first delivery.
    resolveFolder: async (id) => ({ id: files.get(id)?.id ?? id, driveId: undefined }),
  };

  make({ id: 'root-folder', mimeType: FOLDER_TYPE, parents: [] });
  return {
    ...metadata,
    files,
    calls,
    add(file) {
      shown.add(file.id);
      return make(file);
    },
    change(id, change) {
      const file = files.get(id);
      if (file !== undefined) files.set(id, { ...file, ...change });
    },
    destroy(id) {
      files.delete(id);
      spent.add(id);
    },
    index() {
      for (const id of files.keys()) shown.add(id);
    },
    other: () => ({ ...metadata }),
  };
};
