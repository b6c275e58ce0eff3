import { createForeignFolder } from '../../support/drive/foreign-folder.ts';
import type { World } from '../visit.ts';
import { NO_PUBSUB, NOT_ASKED, QUIET, SHARE } from './expected.ts';

/** The folder of a destination is missing, not shared, or in the wrong place. */
export const FOLDER_WORLDS: readonly World[] = [
  {
    name: 'the folder does not exist',
    arrange: (_, document) => {
      document.destinations.reports.folder = '0AbCdEfGhIjKlMnOp';
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /does not exist, or is not shared with courier@/, remedy: SHARE },
    },
  },
  {
    name: 'the folder is not shared',
    arrange: (google, document) => {
      document.destinations.reports.folder = google.places.unsharedFolder;
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /does not exist, or is not shared with courier@/, remedy: SHARE },
    },
  },
  {
    name: 'the folder is shared to be read only',
    arrange: (google, document) => {
      const { ops, courier } = google.world.emails;
      const members = [
        { email: ops, role: 'organizer' as const },
        { email: courier, role: 'reader' as const },
      ];
      document.destinations.reports.folder = google.drive.createSharedDrive({ name: 'Handbooks', members });
      document.destinations.reports.share = [];
    },
    finds: {
      ...NO_PUBSUB,
      ...NOT_ASKED,
      writable: { result: 'failed', detail: /courier@.* can only read/, remedy: SHARE },
      sharing: { result: 'skipped', detail: /No sharing/ },
    },
  },
  {
    name: 'the folder is in My Drive, where a service account has no storage',
    arrange: (google, document) => {
      document.destinations.reports.folder = google.places.myDriveFolder;
    },
    finds: {
      ...QUIET,
      storage: { result: 'failed', detail: /has no storage/, remedy: /shared drive.*credentials\.main\.subject/ },
    },
  },
  {
    name: 'the person’s storage is full',
    arrange: (google, document) => {
      const { alice } = google.world.emails;
      google.drive.putFile({ name: 'large', bytes: 'x'.repeat(2_000), owner: alice });
      google.drive.setStorageLimit(alice, 1_000);
      document.credentials.main = { file: google.world.keyFiles['authorized-user-alice'] };
      document.destinations.reports.folder = google.places.myDriveFolder;
    },
    finds: {
      ...QUIET,
      identity: { result: 'skipped', detail: /key is in a file/ },
      secret: { result: 'skipped', detail: /key is in a file/ },
      storage: {
        result: 'failed',
        detail: /storage of alice@example\.com: 0\.0 GB/,
        remedy: /Free or buy storage for alice/,
      },
    },
  },
  {
    name: 'the folder is a file',
    arrange: (google, document) => {
      const parent = google.places.sharedDriveFolder;
      document.destinations.reports.folder = google.drive.putFile({ name: 'a.csv', bytes: 'a', parent });
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /is a file, not a folder/, remedy: /destinations\.reports\.folder/ },
    },
  },
  {
    name: 'the folder is of a shared drive that the account is no member of',
    arrange: (google, document) => {
      document.destinations.reports.folder = createForeignFolder(google);
    },
    finds: {
      ...QUIET,
      search: {
        result: 'warned',
        detail: /courier@\S+ is not a member of the shared drive \S+; only the folder is shared with it/,
        remedy: /^Add courier@\S+ to the members of the shared drive as Content manager: https:\/\/drive\.google\.com/,
      },
    },
  },
  {
    name: 'the folder is of a drive that the account is no member of, and the doctor is asked to write',
    write: true,
    arrange: (google, document) => {
      document.destinations.reports.folder = createForeignFolder(google);
    },
    finds: { ...NO_PUBSUB, search: { result: 'warned', detail: /is not a member/, remedy: /Content manager/ } },
  },
  {
    name: 'Drive does not search completely',
    arrange: (google, document) => {
      document.destinations.reports.folder = createForeignFolder(google);
      google.drive.setLimits({ leavesDrivesOut: true });
    },
    finds: {
      ...QUIET,
      search: { result: 'failed', detail: /incompleteSearch/, remedy: /member of the shared drive/ },
    },
  },
  {
    name: 'the folder has limited access',
    arrange: (google) => void google.drive.setLimitedAccess(google.places.sharedDriveFolder, true),
    finds: {
      ...QUIET,
      folder: {
        result: 'failed',
        detail: /"Exports" has limited access: courier@\S+ sees it through a parent folder, but cannot open it/,
        remedy: SHARE,
      },
    },
  },
  {
    name: 'the folder is in a folder with limited access',
    arrange: (google, document) => {
      const { sharedDriveFolder } = google.places;
      document.destinations.reports.folder = google.drive.createFolder({ name: '2026', parent: sharedDriveFolder });
      google.drive.setLimitedAccess(sharedDriveFolder, true);
    },
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /does not exist, or is not shared with courier@/, remedy: SHARE },
    },
  },
  {
    name: 'healthy, by a shortcut to the folder',
    write: true,
    arrange: (google, document) => {
      const { sharedDrive, sharedDriveFolder: target } = google.places;
      const shortcut = google.drive.createShortcut({ name: 'to exports', target, parent: sharedDrive });
      document.destinations.reports.folder = shortcut;
    },
    finds: { ...NO_PUBSUB, folder: { result: 'passed', detail: /"Exports", through the shortcut "to exports"/ } },
  },
  {
    name: 'the folder is a shortcut to a file',
    arrange: (google, document) => {
      const parent = google.places.sharedDrive;
      const target = google.drive.putFile({ name: 'a.csv', bytes: 'a', parent });
      document.destinations.reports.folder = google.drive.createShortcut({ name: 'to a file', target, parent });
    },
    finds: {
      ...QUIET,
      folder: {
        result: 'failed',
        detail: /is a shortcut to a file, not a folder/,
        remedy: /destinations\.reports\.folder/,
      },
    },
  },
  {
    name: 'the folder is a shortcut to a folder that is not shared',
    arrange: (google, document) => {
      const { sharedDrive: parent, unsharedFolder: target } = google.places;
      document.destinations.reports.folder = google.drive.createShortcut({ name: 'to private', target, parent });
    },
    finds: { ...QUIET, folder: { result: 'failed', detail: /does not exist, or is not shared/, remedy: SHARE } },
  },
  {
    name: 'the folder is in the trash',
    arrange: (google) => void google.drive.setTrashed(google.places.sharedDriveFolder, true),
    finds: {
      ...QUIET,
      folder: { result: 'failed', detail: /"Exports" is in the trash/, remedy: /Restore it: https/ },
    },
  },
];
