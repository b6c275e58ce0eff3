import { userPermission } from '../access/principals.ts';
import type { StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

interface NewItem {
  id: string;
  mimeType: string;
  folder: StoredFile;
  /**
   * The permissions of a new item. In My Drive the creator owns it; items of a shared drive belong to the organisation.
   */
  by: string;
  app: string;
}

/** A new item with default values. The caller saves it. */
export function newItem(state: DriveState, { id, mimeType, folder, by, app }: NewItem): StoredFile {
  const now = state.now();
  return {
    id,
    name: 'Untitled',
    mimeType,
    parent: folder.id,
    driveId: folder.driveId,
    kind: 'item',
    properties: {},
    appProperties: {},
    starredBy: [],
    trashed: false,
    createdMs: now,
    modifiedMs: now,
    arrivedMs: now,
    createdBy: by,
    modifiedBy: by,
    modifiedByMeMs: { [by]: now },
    viewedByMeMs: { [by]: now },
    app,
    permissions: folder.driveId === undefined ? [userPermission(now, by, 'owner')] : [],
    revisions: [],
    writersCanShare: true,
    copyRequiresWriterPermission: false,
    version: 1,
  };
}
