import {
  effectivePermissions,
  isMemberOfDrive,
  isTrashed,
  opens,
  ownerOf,
  roleOf,
  strongest,
} from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { extensionsOf, rfc3339, userResource } from '../access/principals.ts';
import {
  type Actor,
  FOLDER,
  isOwnType,
  type Role,
  SHORTCUT,
  type StoredFile,
  type StoredPermission,
} from '../model.ts';
import type { DriveState } from '../store/state.ts';
import { EXPORT_FORMATS } from './conversions.ts';
import { webContentLink, webViewLink } from './links.ts';
import { effectiveDownloadRestriction, restrictionFields } from './restrictions.ts';

export const exportLinks = (file: StoredFile): Record<string, string> | undefined => {
  const formats = EXPORT_FORMATS[file.mimeType];
  return formats === undefined
    ? undefined
    : Object.fromEntries(
        formats.map((type) => [
          type,
          `https://www.googleapis.com/drive/v3/files/${file.id}/export?mimeType=${encodeURIComponent(type)}`,
        ]),
      );
};

/** A `Permission` resource. In shared drives it also says where the permission is inherited from. */
function permissionResource(
  state: DriveState,
  permission: StoredPermission,
  details?: { role: Role; inherited: boolean; from?: string; view?: 'metadata' | undefined },
): Record<string, unknown> {
  const { id, type, emailAddress, domain, allowFileDiscovery, expirationTime } = permission;
  const role = details?.role ?? permission.role;
  const account = emailAddress === undefined ? undefined : state.store.accounts.get(emailAddress.toLowerCase());
  return {
    kind: 'drive#permission',
    id,
    type,
    role,
    emailAddress,
    domain,
    allowFileDiscovery: type === 'user' || type === 'group' ? undefined : (allowFileDiscovery ?? false),
    expirationTime,
    displayName: account?.displayName ?? emailAddress ?? domain,
    deleted: type === 'user' || type === 'group' ? false : undefined,
    pendingOwner: type === 'user' ? false : undefined,
    view: details?.view,
    permissionDetails:
      details === undefined
        ? undefined
        : [
            {
              permissionType: details.inherited ? 'member' : 'file',
              role,
              inherited: details.inherited,
              inheritedFrom: details.from,
            },
          ],
  };
}

/** Every permission that applies to the item. Each person has one entry, with the strongest role. */
export function permissionsOf(state: DriveState, file: StoredFile): Record<string, unknown>[] {
  const byId = new Map<string, ReturnType<typeof effectivePermissions>>();
  for (const reach of effectivePermissions(state, file))
    byId.set(reach.permission.id, [...(byId.get(reach.permission.id) ?? []), reach]);
  return [...byId.values()].map((reaches) => {
    const role = strongest(reaches.map((reach) => reach.role));
    const winner = reaches.find((reach) => reach.role === role) ?? reaches[0];
    if (winner === undefined || role === undefined) throw new Error('A permission reaches by nothing');
    const inherited = winner.from.id !== file.id;
    const details = { role, inherited, view: winner.view, ...(inherited ? { from: winner.from.id } : {}) };
    return file.driveId === undefined
      ? { ...permissionResource(state, winner.permission, details), permissionDetails: undefined }
      : permissionResource(state, winner.permission, details);
  });
}

const bytesOf = (origin: string, file: StoredFile): Record<string, unknown> => {
  const head = file.revisions.at(-1);
  if (head === undefined || isOwnType(file.mimeType)) return {};
  return {
    size: String(head.size),
    md5Checksum: head.md5,
    sha1Checksum: head.sha1,
    sha256Checksum: head.sha256,
    headRevisionId: head.id,
    originalFilename: file.originalFilename ?? file.name,
    webContentLink: webContentLink(origin, file),
    ...extensionsOf(file),
  };
};

/** Bytes that count towards the owner's quota: the newest revision, and the revisions that are kept forever. */
export function quotaBytes(file: StoredFile): number {
  if (isOwnType(file.mimeType)) return 0;
  const head = file.revisions.at(-1);
  const kept = file.revisions.filter((revision) => revision.keepForever && revision !== head);
  return kept.reduce((sum, revision) => sum + revision.size, head?.size ?? 0);
}

/** A `File` resource, as this person and app see it. Undefined fields are not sent. */
export function fileResource(state: DriveState, actor: Actor, file: StoredFile): Record<string, unknown> {
  const { account } = actor;
  const origin = state.context.origin();
  const role = roleOf(state, account, file) ?? 'reader';
  const itemAccess = { opens: opens(state, account, file), readsDrive: isMemberOfDrive(state, account, file) };
  const capabilities = capabilitiesOf(file, role, itemAccess);
  const inDrive = file.driveId !== undefined;
  const owner = ownerOf(file);
  const viewedMs = file.viewedByMeMs[account.email];
  const mineMs = file.modifiedByMeMs[account.email];
  const appProperties = file.appProperties[actor.app];
  const permissions = permissionsOf(state, file);
  const own = file.permissions.find((p) => p.emailAddress === account.email && p.role !== 'owner');
  const parent = file.parent === undefined ? undefined : state.store.files.get(file.parent);
  // A person who cannot see the folder does not get its ID (guides/enable-shareddrives, "parents").
  const seesParent = parent !== undefined && roleOf(state, account, parent) !== undefined;
  const trashed = isTrashed(state, file);
  return {
    kind: 'drive#file',
    id: file.id,
    name: file.name,
    mimeType: file.mimeType,
    description: file.description,
    starred: file.starredBy.includes(account.email),
    trashed,
    explicitlyTrashed: file.trashed,
    trashedTime: inDrive && file.trashedMs !== undefined ? rfc3339(file.trashedMs) : undefined,
    trashingUser: inDrive && file.trashedBy !== undefined ? userResource(state, file.trashedBy, account) : undefined,
    parents: seesParent ? [parent.id] : undefined,
    driveId: file.driveId,
    teamDriveId: file.driveId,
    spaces: ['drive'],
    version: String(file.version),
    properties: Object.keys(file.properties).length === 0 ? undefined : file.properties,
    appProperties: appProperties === undefined || Object.keys(appProperties).length === 0 ? undefined : appProperties,
    createdTime: rfc3339(file.createdMs),
    modifiedTime: rfc3339(file.modifiedMs),
    modifiedByMe: mineMs !== undefined,
    modifiedByMeTime: mineMs === undefined ? undefined : rfc3339(mineMs),
    viewedByMe: viewedMs !== undefined,
    viewedByMeTime: viewedMs === undefined ? undefined : rfc3339(viewedMs),
    sharedWithMeTime: inDrive || own === undefined ? undefined : rfc3339(own.createdMs),
    owners: inDrive || owner === undefined ? undefined : [userResource(state, owner, account)],
    ownedByMe: inDrive ? undefined : owner === account.email,
    lastModifyingUser: userResource(state, file.modifiedBy, account),
    shared: inDrive ? undefined : permissions.length > 1,
    permissionIds: permissions.map((permission) => permission.id),
    hasAugmentedPermissions: inDrive ? file.kind === 'item' && file.permissions.length > 0 : undefined,
    permissions: capabilities.canShare === true && !inDrive ? permissions : undefined,
    capabilities,
    writersCanShare: inDrive ? undefined : file.writersCanShare,
    copyRequiresWriterPermission: effectiveDownloadRestriction(file).restrictedForReaders,
    viewersCanCopyContent: !effectiveDownloadRestriction(file).restrictedForReaders,
    isAppAuthorized: file.app === actor.app,
    quotaBytesUsed: String(quotaBytes(file)),
    folderColorRgb: file.mimeType === FOLDER ? (file.folderColorRgb ?? '#8f8f8f') : undefined,
    shortcutDetails: file.mimeType === SHORTCUT ? shortcutDetails(state, file) : undefined,
    exportLinks: exportLinks(file),
    webViewLink: webViewLink(origin, file),
    iconLink: `https://drive-thirdparty.googleusercontent.com/16/type/${file.mimeType}`,
    hasThumbnail: false,
    thumbnailVersion: '0',
    inheritedPermissionsDisabled: file.isLimited ?? false,
    linkShareMetadata: { securityUpdateEligible: false, securityUpdateEnabled: true },
    ...restrictionFields(state, file, actor),
    ...bytesOf(origin, file),
  };
}

const shortcutDetails = (state: DriveState, file: StoredFile): Record<string, unknown> => ({
  targetId: file.shortcutTargetId,
  targetMimeType: state.store.files.get(file.shortcutTargetId ?? '')?.mimeType,
});
