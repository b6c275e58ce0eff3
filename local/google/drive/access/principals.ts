import { type Account, isOwnType, type Role, type StoredFile, type StoredPermission } from '../model.ts';
import { permissionIdOf } from '../store/ids.ts';
import type { DriveState } from '../store/state.ts';

export const rfc3339 = (epochMs: number): string => new Date(epochMs).toISOString();

/** A `User` resource, as seen by `viewer`. */
export function userResource(state: DriveState, email: string, viewer: Account): Record<string, unknown> {
  const known = state.store.accounts.get(email.toLowerCase());
  return {
    kind: 'drive#user',
    displayName: known?.displayName ?? email,
    me: email.toLowerCase() === viewer.email.toLowerCase(),
    permissionId: known?.permissionId ?? permissionIdOf(email),
    emailAddress: email,
  };
}

/**
 * A person, group or domain has the same permission ID on every file. Public access is `anyoneWithLink` or `anyone`
 * (guides/about-permissions).
 */
export function permissionIdFor(
  permission: Pick<StoredPermission, 'type' | 'emailAddress' | 'domain' | 'allowFileDiscovery'>,
): string {
  switch (permission.type) {
    case 'user':
    case 'group':
      return permissionIdOf(permission.emailAddress ?? '');
    case 'domain':
      return `${permissionIdOf(permission.domain ?? '')}k`;
    case 'anyone':
      return permission.allowFileDiscovery === true ? 'anyone' : 'anyoneWithLink';
  }
}

export const newPermission = (now: number, given: Omit<StoredPermission, 'id' | 'createdMs'>): StoredPermission => ({
  ...given,
  id: permissionIdFor(given),
  createdMs: now,
});

export const userPermission = (now: number, email: string, role: Role): StoredPermission =>
  newPermission(now, { type: 'user', role, emailAddress: email });

/** For `file.ext1.ext2`: `ext2` and `ext1.ext2`. Only files with binary content have extensions. */
export function extensionsOf(file: StoredFile): { fileExtension?: string; fullFileExtension?: string } {
  if (isOwnType(file.mimeType)) return {};
  const name = file.originalFilename ?? file.name;
  const last = name.lastIndexOf('.');
  if (last < 0) return { fileExtension: '', fullFileExtension: '' };
  const full = /(\.[A-Za-z0-9]{1,5})+$/.exec(name)?.[0]?.slice(1) ?? name.slice(last + 1);
  return { fileExtension: name.slice(last + 1), fullFileExtension: full };
}
