import type { LocalGoogle } from '../../../local/google/server.ts';

/** The two ways in which an account has access to a folder of a shared drive. */
export const MEMBERSHIPS = ['member of the shared drive', 'non-member with a shared folder'] as const;
export type Membership = (typeof MEMBERSHIPS)[number];

/**
 * A folder of a shared drive of which the courier's account is no member: only the folder is shared with it.
 * @returns the folder's id
 */
export const createForeignFolder = (
  { drive, world }: Pick<LocalGoogle, 'drive' | 'world'>,
  name = 'Incoming',
): string => {
  const members = [{ email: 'admin@partners.example', role: 'organizer' as const }];
  const parent = drive.createSharedDrive({ name: 'Partners', members });
  const folder = drive.createFolder({ name, parent });
  drive.share(folder, { email: world.emails.courier, role: 'fileOrganizer' });
  return folder;
};

/** The folder for a suite that covers both kinds of access. */
export const folderFor = (google: LocalGoogle, membership: Membership): string =>
  membership === 'member of the shared drive' ? google.places.sharedDriveFolder : createForeignFolder(google);
