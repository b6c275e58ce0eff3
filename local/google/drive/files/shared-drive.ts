import { hasRole, isAppAllowed, roleOf } from '../access/access.ts';
import { rfc3339 } from '../access/principals.ts';
import { notFound } from '../errors.ts';
import { type Actor, FOLDER, type Role, type StoredFile } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** Restrictions that this Drive stores. It enforces only `driveMembersOnly`. */
export const RESTRICTIONS = [
  'adminManagedRestrictions',
  'copyRequiresWriterPermission',
  'domainUsersOnly',
  'driveMembersOnly',
  'sharingFoldersRequiresOrganizerPermission',
] as const;

/** A shared drive is stored as a folder without a parent. Its permissions are its members. */
export function newSharedDrive(
  state: DriveState,
  { name, by, app, requestId }: { name: string; by: string; app: string; requestId?: string | undefined },
): StoredFile {
  const now = state.now();
  const id = state.ids.root();
  return {
    id,
    name,
    mimeType: FOLDER,
    driveId: id,
    kind: 'sharedDrive',
    properties: {},
    appProperties: {},
    starredBy: [],
    trashed: false,
    createdMs: now,
    modifiedMs: now,
    arrivedMs: now,
    createdBy: by,
    modifiedBy: by,
    modifiedByMeMs: {},
    viewedByMeMs: {},
    app,
    permissions: [],
    revisions: [],
    writersCanShare: true,
    copyRequiresWriterPermission: false,
    version: 1,
    requestId,
  };
}

/** @throws DriveError 404 when the drive does not exist or the person is not a member (guides/manage-shareddrives) */
export function visibleDrive(state: DriveState, actor: Actor, id: string): { drive: StoredFile; role: Role } {
  const drive = state.store.files.get(id);
  const role = drive?.kind === 'sharedDrive' ? roleOf(state, actor.account, drive) : undefined;
  if (drive === undefined || role === undefined || !isAppAllowed(actor, drive))
    throw notFound('Shared drive', id, 'driveId');
  return { drive, role };
}

const driveCapabilities = (role: Role): Record<string, boolean> => {
  const writer = hasRole(role, 'writer');
  const content = hasRole(role, 'fileOrganizer');
  const manager = role === 'organizer';
  return {
    canAddChildren: writer,
    canComment: hasRole(role, 'commenter'),
    canCopy: true,
    canDeleteDrive: manager,
    canDownload: true,
    canEdit: writer,
    canListChildren: true,
    canManageMembers: manager,
    canReadRevisions: writer,
    canRename: writer,
    canRenameDrive: manager,
    canChangeDriveBackground: manager,
    canShare: content,
    canChangeCopyRequiresWriterPermissionRestriction: manager,
    canChangeDomainUsersOnlyRestriction: manager,
    canChangeDriveMembersOnlyRestriction: manager,
    canChangeSharingFoldersRequiresOrganizerPermissionRestriction: manager,
    canResetDriveRestrictions: manager,
    canDeleteChildren: manager,
    canTrashChildren: content,
    canChangeDownloadRestriction: manager,
  };
};

/** A `Drive` resource as this person sees it. */
export function driveResource({ account }: Actor, drive: StoredFile, role: Role): Record<string, unknown> {
  const restrictions = RESTRICTIONS.map((name) => [name, drive.restrictions?.[name] ?? false]);
  return {
    kind: 'drive#drive',
    id: drive.id,
    name: drive.name,
    colorRgb: drive.colorRgb ?? '#78909c',
    createdTime: rfc3339(drive.createdMs),
    hidden: drive.hiddenBy?.includes(account.email) ?? false,
    restrictions: Object.fromEntries(restrictions),
    capabilities: driveCapabilities(role),
  };
}
