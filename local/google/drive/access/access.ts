import { fileNotFound } from '../errors.ts';
import { type Account, type Actor, ROLES, type Role, type StoredFile, type StoredPermission } from '../model.ts';
import type { DriveState } from '../store/state.ts';

/** A permission that applies to an item: set on the item itself, or inherited from the folder `from`. */
export interface EffectivePermission {
  permission: StoredPermission;
  role: Role;
  from: StoredFile;
  /**
   * Set when the person sees only the metadata: a folder with limited access, seen by a member who would inherit access
   * to it.
   */
  view?: 'metadata';
}

const rank = (role: Role): number => ROLES.indexOf(role);

export const hasRole = (role: Role | undefined, least: Role): boolean =>
  role !== undefined && rank(role) >= rank(least);

export const strongest = (roles: readonly Role[]): Role | undefined =>
  roles.reduce<Role | undefined>(
    (best, role) => (best === undefined || rank(role) > rank(best) ? role : best),
    undefined,
  );

/** The item and its folders, up to the My Drive folder or the shared drive. */
export function lineage(state: DriveState, file: StoredFile): StoredFile[] {
  const line = [file];
  for (let at = file.parent; at !== undefined; ) {
    const folder = state.store.files.get(at);
    if (folder === undefined || line.includes(folder)) break;
    line.push(folder);
    at = folder.parent;
  }
  return line;
}

const isLive = (state: DriveState, permission: StoredPermission): boolean =>
  permission.expirationTime === undefined || Date.parse(permission.expirationTime) > state.now();

const inheritedRole = ({ role }: StoredPermission): Role =>
  // Ownership is not inherited in My Drive (guides/about-permissions): a folder's owner is a writer of the files that
  // others put into it.
  role === 'owner' ? 'writer' : role;

const isLimited = (item: StoredFile): boolean => item.isLimited === true;

/**
 * Every permission that applies to the item. A folder with limited access blocks inherited permissions: members of the
 * parent "can see the restricted folder in Drive but can't open it", so they are readers with the view `metadata` and
 * have no access to its content. "The `organizer` role in shared drives can always access folders with limited access"
 * (guides/limited-expansive-access).
 */
export const effectivePermissions = (state: DriveState, file: StoredFile): EffectivePermission[] => {
  const line = lineage(state, file);
  return line.flatMap((from, level) => {
    const live = from.permissions.filter((permission) => isLive(state, permission));
    if (level === 0) return live.map((permission) => ({ permission, from, role: permission.role }));
    const between = line.slice(0, level);
    const stops = between.some(isLimited);
    return live.flatMap((permission): EffectivePermission[] => {
      const role = inheritedRole(permission);
      if (!stops || role === 'organizer') return [{ permission, from, role }];
      const isRestrictedFolder = isLimited(file) && !between.slice(1).some(isLimited);
      return isRestrictedFolder ? [{ permission, from, role: 'reader', view: 'metadata' }] : [];
    });
  });
};

const domainOf = (email: string): string => email.slice(email.lastIndexOf('@') + 1).toLowerCase();

export const isMemberOfGroup = (state: DriveState, group: string, email: string, seen: string[] = []): boolean => {
  const members = state.store.groups.get(group.toLowerCase())?.members ?? [];
  return members.some(
    (member) =>
      member === email || (!seen.includes(member) && isMemberOfGroup(state, member, email, [...seen, member])),
  );
};

const reaches = (state: DriveState, { permission }: EffectivePermission, account: Account): boolean => {
  switch (permission.type) {
    case 'user':
      return permission.emailAddress?.toLowerCase() === account.email.toLowerCase();
    case 'group':
      return isMemberOfGroup(state, permission.emailAddress ?? '', account.email);
    case 'domain':
      return permission.domain?.toLowerCase() === domainOf(account.email);
    case 'anyone':
      return true;
  }
};

/** The person's strongest role on the item. Undefined means that, for them, the item does not exist. */
export const roleOf = (state: DriveState, account: Account, file: StoredFile): Role | undefined =>
  strongest(
    effectivePermissions(state, file)
      .filter((reach) => reaches(state, reach, account))
      .map((reach) => reach.role),
  );

/** Whether the person may list the folder's content: `canListChildren`. */
export const opens = (state: DriveState, account: Account, file: StoredFile): boolean =>
  effectivePermissions(state, file).some((reach) => reach.view === undefined && reaches(state, reach, account));

/** Whether the person is a member of the shared drive that the item is in: `canReadDrive`. */
export const isMemberOfDrive = (state: DriveState, account: Account, { driveId }: StoredFile): boolean => {
  const drive = driveId === undefined ? undefined : state.store.files.get(driveId);
  return drive !== undefined && roleOf(state, account, drive) !== undefined;
};

/**
 * True when files.list returns the item. A link without `allowFileDiscovery` grants access but adds the file to
 * nobody's list.
 */
export const isListed = (state: DriveState, account: Account, file: StoredFile): boolean =>
  effectivePermissions(state, file).some(
    (reach) =>
      reaches(state, reach, account) &&
      (reach.permission.type === 'user' ||
        reach.permission.type === 'group' ||
        reach.permission.allowFileDiscovery === true),
  );

const DRIVE_FILE = 'https://www.googleapis.com/auth/drive.file';
const WIDE = /\/auth\/drive(\.readonly|\.metadata|\.metadata\.readonly|\.meet\.readonly|\.photos\.readonly)?$/;

/**
 * With the scope `drive.file`, an app sees only files that this person created with it, and the My Drive folder itself.
 * Source: guides/api-specific-auth.
 */
export const isAppAllowed = (actor: Actor, file: StoredFile): boolean =>
  actor.scopes.some((scope) => WIDE.test(scope)) ||
  (actor.scopes.includes(DRIVE_FILE) &&
    (file.kind === 'myDrive' || (file.app === actor.app && file.createdBy === actor.account.email)));

/** Finds an item by its ID or by the alias `root`. */
export const findFile = (state: DriveState, actor: Actor, id: string): StoredFile | undefined =>
  state.store.files.get(id === 'root' ? actor.account.rootId : id);

/**
 * Finds an item that the person can see.
 * @throws DriveError 404 when it is missing, not shared with them, not created by the app, or in a shared drive without
 * `supportsAllDrives`
 */
export function visibleFile(
  state: DriveState,
  actor: Actor,
  id: string,
  supportsAllDrives: boolean,
  location = 'fileId',
): { file: StoredFile; role: Role } {
  const file = findFile(state, actor, id);
  if (file === undefined) throw fileNotFound(id, location);
  if (file.driveId !== undefined && !supportsAllDrives) throw fileNotFound(id, location);
  const role = roleOf(state, actor.account, file);
  if (role === undefined || !isAppAllowed(actor, file)) throw fileNotFound(id, location);
  return { file, role };
}

/** Trashing a folder also trashes everything in it. */
export const isTrashed = (state: DriveState, file: StoredFile): boolean =>
  lineage(state, file).some((item) => item.trashed);

export const ownerOf = (file: StoredFile): string | undefined =>
  file.permissions.find((permission) => permission.role === 'owner')?.emailAddress;
