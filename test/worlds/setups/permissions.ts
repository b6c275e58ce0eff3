import type { World } from '../visit.ts';
import { NO_PUBSUB, QUIET } from './expected.ts';

/** What the account may do in the folder, and who files are shared with. */
export const PERMISSION_WORLDS: readonly World[] = [
  {
    name: 'the account may add files, and perhaps not share them',
    arrange: (google, document) => {
      const { ops, courier } = google.world.emails;
      const members = [
        { email: ops, role: 'organizer' as const },
        { email: courier, role: 'writer' as const },
      ];
      const drive = google.drive.createSharedDrive({ name: 'Contributions', members });
      document.destinations.reports.folder = google.drive.createFolder({ name: 'Reports', parent: drive });
    },
    finds: { ...QUIET, sharing: { result: 'warned', detail: /cannot share this folder/, remedy: /Content manager/ } },
  },
  {
    name: 'the account may put files, and not take them away',
    write: true,
    arrange: (google, document) => {
      const { ops, courier } = google.world.emails;
      const members = [
        { email: ops, role: 'organizer' as const },
        { email: courier, role: 'writer' as const },
      ];
      document.destinations.reports.folder = google.drive.createSharedDrive({ name: 'Contributions', members });
      document.destinations.reports.share = [];
    },
    finds: {
      ...NO_PUBSUB,
      sharing: { result: 'skipped', detail: /No sharing/ },
      probe: { result: 'warned', detail: /cannot remove it/, remedy: /https:\/\/drive\.google\.com\/file\/d\// },
    },
  },
  {
    name: 'files are shared with everybody',
    arrange: (_, document) => {
      document.destinations.reports.allowAnyone = true;
      document.destinations.reports.share = [{ type: 'anyone', role: 'reader' }];
    },
    finds: {
      ...QUIET,
      configuration: { result: 'warned', detail: /anyone on the internet/, remedy: /remove "anyone"/ },
    },
  },
];
