import type { DriveService } from './drive/service.ts';
import type { PubsubService } from './pubsub/service.ts';
import type { StorageService } from './storage/service.ts';
import { EMAILS, PROJECT } from './world/names.ts';
import type { World } from './world/world.ts';

/** The bucket with exports to deliver to Drive. */
export const BUCKET = 'local-exports';
/** The dead-letter topic. */
export const TOPIC = `projects/${PROJECT.id}/topics/exports-failed`;

const WORKERS = [EMAILS.runtime, EMAILS.courier, EMAILS.driveWriter];

/** Creates the default bucket and topic. The exporter writes, and the platform's identities read. */
export async function seedCloud(storage: StorageService, pubsub: PubsubService): Promise<void> {
  await storage.createBucket(BUCKET, { readers: [...WORKERS, EMAILS.ops], writers: [EMAILS.exporter, EMAILS.ops] });
  pubsub.createTopic(TOPIC, WORKERS);
}

/** The IDs of the default folders. */
export interface Places {
  /**
   * "Reports", a shared drive. Operations is its manager, the courier's identities are content managers, Alice is a
   * contributor, and Bob a viewer.
   */
  sharedDrive: string;
  /** A folder in it. */
  sharedDriveFolder: string;
  /** Alice's folder, shared with the courier's identities as editors. */
  myDriveFolder: string;
  /** Bob's folder, which is shared with nobody. */
  unsharedFolder: string;
  /** Alice's folder, shared with the courier's identities as viewers. */
  readOnlyFolder: string;
}

/** Creates the default accounts and folders. Existing ones of an earlier run stay unchanged. */
export function seedDrive(drive: DriveService, { state }: World): Places {
  for (const { email, displayName } of state.users) drive.addAccount({ email, displayName });
  for (const { email } of state.serviceAccounts) drive.addAccount({ email, displayName: email });
  for (const group of state.groups) drive.addGroup(group);
  const { files } = drive.state.store;

  const folder = (name: string, where: { parent: string } | { owner: string }): string => {
    const parent = 'parent' in where ? where.parent : drive.state.account(where.owner).rootId;
    const known = drive.files({ folder: parent }).find((file) => file.name === name);
    return known?.id ?? drive.createFolder({ name, ...where });
  };
  const shared = (name: string, owner: string, role: 'reader' | 'writer'): string => {
    const id = folder(name, { owner });
    if (files.get(id)?.permissions.length === 1) for (const email of WORKERS) drive.share(id, { email, role });
    return id;
  };
  const sharedDrive =
    [...files.all()].find(({ kind, name }) => kind === 'sharedDrive' && name === 'Reports')?.id ??
    drive.createSharedDrive({
      name: 'Reports',
      members: [
        { email: EMAILS.ops, role: 'organizer' },
        ...WORKERS.map((email) => ({ email, role: 'fileOrganizer' as const })),
        { email: EMAILS.alice, role: 'writer' },
        { email: EMAILS.bob, role: 'reader' },
      ],
    });
  return {
    sharedDrive,
    sharedDriveFolder: folder('Exports', { parent: sharedDrive }),
    myDriveFolder: shared('Team', EMAILS.alice, 'writer'),
    unsharedFolder: folder('Private', { owner: EMAILS.bob }),
    readOnlyFolder: shared('Handbook', EMAILS.alice, 'reader'),
  };
}
