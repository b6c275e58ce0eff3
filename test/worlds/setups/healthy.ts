import { DRIVE } from '../../../local/google/world/names.ts';
import type { World } from '../visit.ts';
import { NO_KEY, NO_PUBSUB, QUIET } from './expected.ts';

/** Setups in which nothing is wrong. */
export const HEALTHY_WORLDS: readonly World[] = [
  { name: 'healthy', finds: QUIET },
  { name: 'healthy, and asked to write', write: true, finds: NO_PUBSUB },
  {
    // A Content manager may not share the root of a shared drive, which is correct: it may share the files.
    name: 'healthy, into the top of a shared drive',
    arrange: (google, document) => {
      document.destinations.reports.folder = google.places.sharedDrive;
    },
    finds: QUIET,
  },
  {
    name: 'healthy, without a key',
    arrange: (google, document) => {
      document.credentials.main = { impersonate: google.world.emails.driveWriter };
    },
    finds: { ...QUIET, ...NO_KEY },
  },
  {
    name: 'healthy, with the platform’s own identity',
    arrange: (_, document) => {
      document.credentials.main = { adc: true };
    },
    finds: { ...QUIET, ...NO_KEY },
  },
  {
    name: 'healthy, on behalf of a person in her own folder',
    arrange: (google, document) => {
      google.world.delegate(google.world.emails.courier, [DRIVE]);
      document.credentials.main = { ...document.credentials.main, subject: google.world.emails.alice };
      document.destinations.reports.folder = google.places.myDriveFolder;
    },
    finds: QUIET,
  },
];
