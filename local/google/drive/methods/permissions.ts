import { hasRole, visibleFile } from '../access/access.ts';
import { capabilitiesOf } from '../access/capabilities.ts';
import { newPermission } from '../access/principals.ts';
import {
  checkAddress,
  checkExpiration,
  checkRestrictions,
  checkRole,
  isStronger,
  permissionOn,
  readShare,
  wantsMail,
} from '../access/sharing.ts';
import { type DriveCall, type Method, pathParameter } from '../call/call.ts';
import { pageOf } from '../call/pages.ts';
import { forbidden, insufficientFilePermissions, invalidValue, notFound, notImplemented } from '../errors.ts';
import { permissionsOf } from '../files/resource.ts';
import { ROLES, type Role, type StoredFile, type StoredPermission } from '../model.ts';
import type { DriveState } from '../store/state.ts';

const requestedFile = (state: DriveState, call: DriveCall): { file: StoredFile; role: Role } =>
  visibleFile(state, call.actor, pathParameter(call, 'fileId'), call.supportsAllDrives);

/** @throws DriveError 403 `insufficientFilePermissions` when the caller may not share the file */
const toShare = (state: DriveState, call: DriveCall): StoredFile => {
  const { file, role } = requestedFile(state, call);
  if (capabilitiesOf(file, role).canShare !== true) throw insufficientFilePermissions(file.id);
  return file;
};

/** The permission as it applies to the file. A reader sees only their own. */
const resourceOf = (state: DriveState, file: StoredFile, id: string): Record<string, unknown> => {
  const found = permissionsOf(state, file).find((permission) => permission.id === id);
  if (found === undefined) throw notFound('Permission', id, 'permissionId');
  return found;
};

const saveWith = (state: DriveState, file: StoredFile, permissions: StoredPermission[]): StoredFile => {
  const changed = { ...file, permissions, version: file.version + 1 };
  state.store.save(changed);
  return changed;
};

export const permissionsList: Method = (state, call) => {
  const { file, role } = requestedFile(state, call);
  if (!hasRole(role, 'writer') && file.driveId === undefined) throw insufficientFilePermissions(file.id);
  const all = permissionsOf(state, file) as ({ id: string } & Record<string, unknown>)[];
  const size = call.parameters.number('pageSize') ?? (file.driveId === undefined ? all.length : 100);
  const { page, nextPageToken } = pageOf(all, size, call.parameters.text('pageToken'), file.id);
  return { resource: { kind: 'drive#permissionList', nextPageToken, permissions: page } };
};

export const permissionsGet: Method = (state, call) => {
  const { file, role } = requestedFile(state, call);
  const id = pathParameter(call, 'permissionId');
  const isOwn = id === call.actor.account.permissionId;
  if (!hasRole(role, 'writer') && file.driveId === undefined && !isOwn) throw insufficientFilePermissions(file.id);
  return { resource: resourceOf(state, file, id) };
};

/** Sharing with the same person again keeps one permission, with the stronger of the two roles. */
export const permissionsCreate: Method = async (state, call) => {
  const body = await call.body();
  const file = toShare(state, call);
  const share = readShare(body);
  checkRole(file, share);
  const mails = wantsMail(call, share);
  if (share.expirationTime !== undefined) checkExpiration(file, share.type, share.expirationTime, state.now());
  checkRestrictions(state, file, share);
  checkAddress(state, share, mails);
  const { type, role, emailAddress, domain, allowFileDiscovery, expirationTime } = share;
  const permission = newPermission(state.now(), {
    type,
    role,
    emailAddress,
    domain,
    allowFileDiscovery,
    expirationTime,
  });
  const former = file.permissions.find(({ id }) => id === permission.id);
  const others = file.permissions.filter(({ id }) => id !== permission.id);
  const keepsRole = former !== undefined && isStronger(former.role, role);
  const changed = saveWith(state, file, [...others, keepsRole ? former : permission]);
  if (mails && emailAddress !== undefined)
    state.mails.push({
      to: emailAddress,
      fileId: file.id,
      role,
      message: call.parameters.text('emailMessage') ?? '',
      atMs: state.now(),
    });
  return { resource: resourceOf(state, changed, permission.id) };
};

/** The messages are from guides/handle-errors. The newer name of the reason is from GAM's release notes (7.10.05). */
const inheritedPermission = () =>
  forbidden(
    'cannotModifyInheritedPermission',
    'Cannot update or delete an inherited permission on a shared drive item.',
  );

/** Finds the file's own permission that is to be changed. @throws DriveError 404, 403 for an inherited one */
const ownPermission = (state: DriveState, file: StoredFile, id: string): StoredPermission => {
  const { own, inherited } = permissionOn(state, file, id);
  if (own !== undefined) return own;
  throw inherited === undefined ? notFound('Permission', id, 'permissionId') : inheritedPermission();
};

const FIXED = ['type', 'emailAddress', 'domain', 'allowFileDiscovery', 'view', 'pendingOwner'];

export const permissionsUpdate: Method = async (state, call) => {
  const { role, expirationTime, ...others } = await call.body();
  const file = toShare(state, call);
  const own = ownPermission(state, file, pathParameter(call, 'permissionId'));
  if (Object.keys(others).some((name) => FIXED.includes(name)))
    throw forbidden('fieldNotWritable', 'The resource body includes fields which are not directly writable.');
  const newRole = ROLES.find((known) => known === role);
  if (role !== undefined && newRole === undefined) throw invalidValue('permission.role');
  if (newRole === 'owner' && own.role !== 'owner') throw notImplemented(call.method.id, 'the transfer of ownership');
  if (own.role === 'owner' && newRole !== undefined && newRole !== 'owner')
    throw forbidden('cannotRemoveOwner', 'The owner of a file cannot be removed.');
  if (newRole !== undefined) checkRole(file, { type: own.type, role: newRole });
  if (typeof expirationTime === 'string') checkExpiration(file, own.type, expirationTime, state.now());
  const until = typeof expirationTime === 'string' ? expirationTime : own.expirationTime;
  const changed: StoredPermission = {
    ...own,
    role: newRole ?? own.role,
    expirationTime: call.parameters.flag('removeExpiration') ? undefined : until,
  };
  const saved = saveWith(
    state,
    file,
    file.permissions.map((permission) => (permission.id === own.id ? changed : permission)),
  );
  return { resource: resourceOf(state, saved, own.id) };
};

/** A person who may share the file can remove permissions. Everybody can remove their own. */
export const permissionsDelete: Method = (state, call) => {
  const { file, role } = requestedFile(state, call);
  const id = pathParameter(call, 'permissionId');
  const isOwn = id === call.actor.account.permissionId;
  if (!isOwn && capabilitiesOf(file, role).canShare !== true) throw insufficientFilePermissions(file.id);
  const own = ownPermission(state, file, id);
  if (own.role === 'owner') throw forbidden('cannotRemoveOwner', 'The owner of a file cannot be removed.');
  saveWith(
    state,
    file,
    file.permissions.filter((permission) => permission.id !== own.id),
  );
  return 'empty';
};
