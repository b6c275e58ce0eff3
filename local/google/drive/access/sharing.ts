import { z } from 'zod';
import type { DriveCall } from '../call/call.ts';
import { badRequest, forbidden, invalidValue, notImplemented, required } from '../errors.ts';
import { FOLDER, ROLES, type Role, type StoredFile, type StoredPermission } from '../model.ts';
import type { DriveState } from '../store/state.ts';
import { effectivePermissions } from './access.ts';

const shareSchema = z.object({
  type: z.enum(['user', 'group', 'domain', 'anyone']),
  role: z.enum(ROLES),
  emailAddress: z.string().optional(),
  domain: z.string().optional(),
  allowFileDiscovery: z.boolean().optional(),
  expirationTime: z.string().optional(),
});

/** The body of permissions.create. */
export type Share = z.infer<typeof shareSchema>;

const isPerson = ({ type }: Pick<Share, 'type'>): boolean => type === 'user' || type === 'group';

/** @throws DriveError 400 `required`, `invalid` */
export function readShare(body: Record<string, unknown>): Share {
  if (body.type === undefined) throw required('permission.type', 'The permission type field is required.');
  if (body.role === undefined) throw required('permission.role', 'The permission role field is required.');
  const { success, data, error } = shareSchema.safeParse(body);
  if (!success) throw invalidValue(`permission.${error.issues[0]?.path.join('.') ?? ''}`);
  const email = data.emailAddress?.trim().toLowerCase();
  if (isPerson(data) && !email)
    throw required('permission.emailAddress', 'The emailAddress field is required for users and groups.');
  if (isPerson(data) && !/^[^@\s]+@[^@\s]+$/.test(email ?? '')) throw invalidValue('permission.emailAddress');
  if (data.type === 'domain' && !data.domain)
    throw required('permission.domain', 'The domain field is required for domains.');
  return email === undefined ? data : { ...data, emailAddress: email };
}

/**
 * Checks that the role exists for this type of permission and this kind of item. The reasons are those in GAM
 * (GAM-team/GAM, gamlib/glgapi.py). Where no answer of Drive is public, the message is our own.
 * @throws DriveError 403
 */
export function checkRole(file: StoredFile, { type, role }: Pick<Share, 'type' | 'role'>): void {
  const inDrive = file.driveId !== undefined;
  if (inDrive && role === 'owner')
    throw forbidden('ownerOnTeamDriveItemNotSupported', 'Items in a shared drive have no owner.');
  if (!inDrive && role === 'organizer')
    throw forbidden('organizerOnNonTeamDriveNotSupported', 'Organizers exist in shared drives only.');
  if (!inDrive && role === 'fileOrganizer')
    throw forbidden('fileOrganizerOnNonTeamDriveNotSupported', 'File organizers exist in shared drives only.');
  if (role === 'organizer' && file.kind !== 'sharedDrive')
    throw forbidden('organizerOnNonTeamDriveItemNotSupported', 'Only a shared drive itself has organizers.');
  if (role === 'fileOrganizer' && file.mimeType !== FOLDER)
    throw forbidden('fileOrganizerOnFoldersInSharedDriveOnly', 'Only folders of a shared drive have file organizers.');
  const isOpen = type === 'domain' || type === 'anyone';
  if (isOpen && file.kind === 'sharedDrive')
    throw forbidden('cannotShareTeamDriveTopFolderWithAnyoneOrDomains', 'A shared drive has people as members only.');
  if (isOpen && ['owner', 'organizer', 'fileOrganizer'].includes(role))
    throw badRequest('The specified role is not valid for this type of permission.', 'invalid', 'permission.role');
}

const YEAR_MS = 366 * 24 * 3600 * 1000;

/** "Can only be set on user and group permissions; must be in the future; cannot be more than a year in the future." */
export function checkExpiration(file: StoredFile, type: Share['type'], expirationTime: string, now: number): void {
  if (type === 'domain' || type === 'anyone')
    throw forbidden('cannotSetExpirationOnAnyoneOrDomain', 'Expiration dates cannot be set for anyone or domains.');
  if (file.kind === 'sharedDrive')
    throw forbidden('expirationDateNotAllowedForSharedDriveMembers', 'Members of a shared drive do not expire.');
  const time = Date.parse(expirationTime);
  if (time <= now) throw badRequest('Expiration dates must be in the future.', 'invalid', 'permission.expirationTime');
  if (time > now + YEAR_MS)
    throw badRequest('Expiration dates must be within a year.', 'invalid', 'permission.expirationTime');
}

/** "Whether access to items inside this shared drive is restricted to its members." */
export function checkRestrictions(state: DriveState, file: StoredFile, share: Share): void {
  const drive = file.driveId === undefined ? undefined : state.store.files.get(file.driveId);
  if (drive === undefined || file.kind === 'sharedDrive' || drive.restrictions?.driveMembersOnly !== true) return;
  const isMember = drive.permissions.some(({ emailAddress }) => emailAddress === share.emailAddress);
  if (!isPerson(share) || !isMember)
    throw forbidden('teamDriveTeamMembersOnlyRestriction', 'Only members of the shared drive may have this item.');
}

/**
 * Whether Drive sends an email. By default it does so for users and groups, never for other types, and always for a new
 * owner. Source: the description of the parameter in the reference of permissions.create.
 * @throws DriveError 400
 */
export function wantsMail({ parameters, method }: DriveCall, share: Share): boolean {
  const notification = parameters.text('sendNotificationEmail');
  const message = parameters.text('emailMessage');
  if (share.role === 'owner') throw notImplemented(method.id, 'the transfer of ownership');
  if (!isPerson(share) && (notification !== undefined || message !== undefined))
    throw badRequest(
      'Notification emails are for users and groups only.',
      'invalid',
      notification === undefined ? 'emailMessage' : 'sendNotificationEmail',
    );
  if (notification === 'false' && message !== undefined)
    throw badRequest('An emailMessage needs a notification email.', 'invalid', 'emailMessage');
  return isPerson(share) && notification !== 'false';
}

/**
 * An address without a Google account can be shared with only by email (guides/handle-errors, "invalidSharingRequest").
 */
export function checkAddress(state: DriveState, share: Share, mails: boolean): void {
  const { emailAddress } = share;
  if (mails || emailAddress === undefined || state.isKnownAddress(emailAddress)) return;
  throw badRequest(
    `Bad Request. User message: "You are trying to invite ${emailAddress}. Since there is no Google account associated with this email address, you must check the "Notify people" box to invite this recipient."`,
    'invalidSharingRequest',
  );
}

/** The item's own permission with this ID, or those with this ID that it inherits. */
export function permissionOn(
  state: DriveState,
  file: StoredFile,
  id: string,
): { own: StoredPermission | undefined; inherited: StoredPermission | undefined } {
  const own = file.permissions.find((permission) => permission.id === id);
  const inherited = effectivePermissions(state, file).find(
    ({ permission, from }) => permission.id === id && from.id !== file.id,
  );
  return { own, inherited: inherited?.permission };
}

export const isStronger = (role: Role, other: Role): boolean => ROLES.indexOf(role) > ROLES.indexOf(other);
